package volume

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseOptions(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{
		{"", "  [] []"},
		{"type=tmpfs", "tmpfs  [] []"},
		{"type=tmpfs device=tmpfs o=size=64m,mode=1777,nodev,noexec,nr_inodes=10k", "tmpfs  [nodev noexec] [size=64m mode=1777 nr_inodes=10k]"},
		{"type=tmpfs o=size=50%,uid=5", "tmpfs  [] [size=50%]"},
		{"type=none o=bind device=/srv/x/", "bind /srv/x [] []"},
		{"o=rbind,ro device=/srv", "bind /srv [ro] []"},
		{"device=/srv", "bind /srv [] []"},
		{"o=uid=1000,gid=33,noquota", "  [] []"},
		{"type=bind device=/srv", "bind /srv [] []"},
	} {
		l, err := ParseOptions(options(c.in))
		if got := fmt.Sprintf("%s %s %v %v", l.Type, l.Device, l.Words, l.Values); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.in, got, err, c.want)
		}
	}
	if l, err := ParseOptions(options("o=uid=1000,gid=0")); err != nil || *l.UID != 1000 || *l.GID != 0 {
		t.Errorf("%+v %v", l, err)
	}
}

func TestOptionErrors(t *testing.T) {
	for in, text := range map[string]string{
		"type=nfs o=addr=1.2.3.4 device=:/x":   "by root only",
		"type=ext4 device=/dev/sda1":           "by root only",
		"type=overlay":                         "by root only",
		"colour=red":                           "\"colour\" is not known",
		"o=size=10g":                           "quota",
		"o=inodes=5":                           "quota",
		"type=tmpfs o=bind":                    "no device",
		"type=tmpfs device=/x":                 "no device",
		"type=tmpfs o=size=many":               "bad value",
		"type=tmpfs o=size=0":                  "bad value",
		"type=tmpfs o=size=1,size":             "not known",
		"type=tmpfs o=mode=9":                  "bad value",
		"type=none o=bind":                     "absolute",
		"o=bind device=x":                      "absolute",
		"o=bind,uid=1 device=/x":               "owner of its own",
		"o=bind,size=1m device=/x":             "of its own",
		"o=uid=x":                              "no id",
		"o=uid=4294967295":                     "no id",
		"o=context=system_u:object_r:usr_t:s0": "not known",
		"o=upperdir=/x":                        "not known",
		"o=":                                   "",
		"o=,":                                  "not known",
	} {
		_, err := ParseOptions(options(in))
		if text == "" {
			if err != nil {
				t.Errorf("%s: %v", in, err)
			}
			continue
		}
		if want(t, err, ErrOption); err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", in, err)
		}
	}
	if err := CheckDriver("local"); err != nil {
		t.Error(err)
	}
	want(t, CheckDriver("flocker"), ErrOption)
}

func options(words string) map[string]string {
	m := map[string]string{}
	for w := range strings.FieldsSeq(words) {
		k, v, _ := strings.Cut(w, "=")
		m[k] = v
	}
	return m
}

// Whatever is accepted is passed to mount(2), so it must not hold what separates
// options there.
func FuzzOptions(f *testing.F) {
	f.Add("tmpfs", "", "size=64m,mode=1777")
	f.Add("none", "/srv", "bind,ro")
	f.Fuzz(func(t *testing.T, typ, device, o string) {
		l, err := ParseOptions(map[string]string{"type": typ, "device": device, "o": o})
		if err != nil {
			return
		}
		for _, w := range append(l.Words, l.Values...) {
			if w == "" || strings.ContainsAny(w, ", \x00\\") {
				t.Errorf("%q gives %q", o, w)
			}
		}
		if l.Type == "bind" && (l.Device == "" || l.Device[0] != '/' || strings.ContainsRune(l.Device, 0)) {
			t.Errorf("device %q", l.Device)
		}
	})
}
