package launcher

import (
	"encoding/json"

	"coracle/launcher/intent"
)

// putAttachments appends the connections to user networks; of most containers there
// are none, which costs a byte.
func putAttachments(b []byte, list []intent.Attachment) []byte {
	if len(list) == 0 {
		return putString(b, "")
	}
	text, _ := json.Marshal(list) // plain values
	return putString(b, string(text))
}

func (d *reader) attachments() (list []intent.Attachment) {
	text := d.str()
	if text == "" {
		return nil
	}
	if json.Unmarshal([]byte(text), &list) != nil || len(list) == 0 {
		d.bad = true
		return nil
	}
	for _, a := range list {
		if a.Network == "" {
			d.bad = true
		}
	}
	return list
}
