package commit

import (
	"slices"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"coracle/storage/engine/imageconf"
)

func TestMergeCommand(t *testing.T) {
	for name, tt := range map[string]struct {
		entrypoint, cmd []string // of the image
		command, args   []string // of the container
		wantEntry       []string
		wantCmd         []string
	}{
		"as the image says":          {[]string{"e"}, []string{"c"}, nil, []string{"e", "c"}, []string{"e"}, []string{"c"}},
		"a command":                  {nil, []string{"c"}, []string{"x", "y"}, []string{"x", "y"}, nil, []string{"x", "y"}},
		"arguments for entrypoint":   {[]string{"e"}, []string{"c"}, []string{"x"}, []string{"e", "x"}, []string{"e"}, []string{"x"}},
		"another entrypoint":         {[]string{"e"}, []string{"c"}, nil, []string{"new"}, []string{"new"}, nil},
		"another and arguments":      {[]string{"e"}, []string{"c"}, []string{"x"}, []string{"new", "x"}, []string{"new"}, []string{"x"}},
		"nothing known":              {[]string{"e"}, []string{"c"}, nil, nil, []string{"e"}, []string{"c"}},
		"arguments that were edited": {[]string{"e"}, nil, []string{"x"}, []string{"y"}, []string{"y"}, nil},
	} {
		base := imageconf.Config{ImageConfig: imgspec.ImageConfig{Entrypoint: tt.entrypoint, Cmd: tt.cmd}}
		got := Started{Command: tt.command, Args: tt.args}.Merge(base)
		if !slices.Equal(got.Entrypoint, tt.wantEntry) || !slices.Equal(got.Cmd, tt.wantCmd) {
			t.Errorf("%s: %q %q", name, got.Entrypoint, got.Cmd)
		}
	}
}

func TestMerge(t *testing.T) {
	base := imageconf.Config{ImageConfig: imgspec.ImageConfig{
		User: "user", Env: []string{"A=1", "TERM=own"}, WorkingDir: "/w", Labels: map[string]string{"a": "1"}, Volumes: map[string]struct{}{"/v": {}}, StopSignal: "INT",
	}}
	s := Started{
		Env: []string{"A=2", "B=3", "HOME=/root", "HOSTNAME=x", "TERM=xterm", "container=coracle"}, Cwd: "/x", User: "0", Labels: map[string]string{"b": "2"}, Volumes: []string{"/n"},
	}
	got := s.Merge(base)
	if !slices.Equal(got.Env, []string{"A=2", "B=3", "TERM=xterm"}) {
		t.Errorf("env %q", got.Env)
	}
	if got.User != "0" || got.WorkingDir != "/x" || got.Labels["a"] != "1" || got.Labels["b"] != "2" || len(got.Volumes) != 2 || got.StopSignal != "INT" {
		t.Errorf("%+v", got)
	}
	if len(base.Labels) != 1 || len(base.Volumes) != 1 || len(base.Env) != 2 {
		t.Error("the image's own configuration was changed")
	}
	if got := (Started{Cwd: "/"}).Merge(imageconf.Config{}); got.WorkingDir != "" || got.Labels != nil || got.Volumes != nil {
		t.Errorf("of nothing: %+v", got)
	}
}
