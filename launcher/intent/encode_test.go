package intent

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestEncode(t *testing.T) {
	want := Defaults()
	want.Argv, want.Entrypoint, want.Env, want.StopTimeout, want.PidsLimit = []string{"debian", "-x"}, ptr(""), []string{"A=b"}, ptr(-1), ptr(int64(7))
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var got Options
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%s\n%+v", err, b, got)
	}
	if b, err = new(Options).Encode(); err != nil || string(b) != "{}" {
		t.Errorf("%v %s", err, b)
	}
}
