package intent

import (
	"strings"
	"testing"
)

func TestLogOptions(t *testing.T) {
	for _, tt := range []struct {
		driver, opts string
		want         Log
		err          string
	}{
		{"", "path=log tag=x", Log{}, "k8s-file"},
		{"k8s-file", "path=/a/b", Log{MaxFiles: 1, Path: "/a/b"}, ""},
		{"json-file", "tag={{.Name}}/{{.ID}} max-size=1m", Log{MaxFiles: 1, MaxSize: 1 << 20, Tag: "{{.Name}}/{{.ID}}"}, ""},
		{"journald", "tag=plain", Log{MaxFiles: 1, Tag: "plain"}, ""},
		{"journald", "max-size=1m", Log{}, "journald"},
		{"journald", "tag={{.Colour}}", Log{}, "{{.ImageName}}"},
		{"journald", "tag={{.Name", Log{}, "text is wanted"},
		{"none", "path=x", Log{}, "none"},
		{"k8s-file", "path=", Log{}, "path of a file"},
		{"k8s-file", "path=dir/", Log{}, "path of a file"},
		{"k8s-file", "colour=red", Log{}, "are possible"},
	} {
		o := &Options{LogDriver: tt.driver, LogOpt: strings.Fields(tt.opts)}
		got, err := o.LogLimits()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) || got != tt.want {
			t.Errorf("%s %q: %+v, %v", tt.driver, tt.opts, got, err)
		}
	}
}

func TestTag(t *testing.T) {
	values := map[string]string{"Name": "web", "ID": "{{.Name}}"}
	for in, want := range map[string]string{"": "", "x": "x", "{{.Name}}": "web", "a{{ .Name }}b{{.ID}}c": "awebb{{.Name}}c", "}}": "}}"} {
		if got, ok := Tag(in, values); !ok || got != want {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
	for _, bad := range []string{"{{", "{{.Other}}", "{{.Name}", "{{.Name}}{{"} {
		if got, ok := Tag(bad, values); ok {
			t.Errorf("%q: %q", bad, got)
		}
	}
}
