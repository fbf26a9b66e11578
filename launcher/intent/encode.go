package intent

import (
	"encoding/json"
	"reflect"
)

// Encode returns what was asked as JSON, without what was not; json.Unmarshal
// into an empty Options gives the same.
func (o *Options) Encode() (json.RawMessage, error) {
	asked := make(map[string]any)
	v := reflect.ValueOf(o).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if value := v.FieldByIndex(f.Index); !f.Anonymous && !value.IsZero() {
			asked[f.Name] = value.Interface()
		}
	}
	return json.Marshal(asked)
}
