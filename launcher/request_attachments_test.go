package launcher

import (
	"net/netip"
	"reflect"
	"testing"

	"coracle/launcher/intent"
)

func TestAttachmentsInRequest(t *testing.T) {
	for _, want := range [][]intent.Attachment{
		nil,
		{{Network: "web"}},
		{{Network: "web", Aliases: []string{"a", "b"}, IP4: netip.MustParseAddr("10.89.0.9"), IP6: netip.MustParseAddr("fd00::9"), MAC: "02:00:00:00:00:01", Interface: "lan0"}, {Network: "db"}},
	} {
		r := testRequest()
		r.Attachments = want
		var got request
		if err := got.decode(r.encode()); err != nil || !reflect.DeepEqual(got.Attachments, want) {
			t.Errorf("%+v: %+v %v", want, got.Attachments, err)
		}
	}
	for _, damaged := range []string{"[]", "{}", "[{}]", `[{"Network":"web","IP4":"x"}]`, "["} {
		d := reader{b: putString(nil, damaged)}
		if list := d.attachments(); !d.bad {
			t.Errorf("%s: %+v", damaged, list)
		}
	}
}
