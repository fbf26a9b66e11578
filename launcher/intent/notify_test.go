package intent

import (
	"errors"
	"slices"
	"testing"
)

func TestNotify(t *testing.T) {
	for _, c := range []struct {
		flag, socket string
		given        bool
	}{
		{"", "/run/n", false}, {"ignore", "/run/n", false}, {"conmon", "/run/n", false},
		{"container", "/run/n", true}, {"container", "", false}, {"container", "-", false},
	} {
		in := ask(func(o *Options) { o.Detach, o.SDNotify = true, c.flag })
		in.Host.LookupEnv = func(name string) (string, bool) {
			return c.socket, name == "NOTIFY_SOCKET" && c.socket != "-"
		}
		s, _ := mustBuild(t, in)
		m := mountAt(s, notifySocket)
		env := slices.Contains(s.Process.Env, "NOTIFY_SOCKET="+notifySocket)
		if (m != nil) != c.given || env != c.given || m != nil && m.Source != c.socket {
			t.Errorf("%+v: mount %v, environment %v", c, m, env)
		}
	}
}

func TestNotifyErrors(t *testing.T) {
	in := ask(func(o *Options) { o.Detach, o.SDNotify = true, "container" })
	in.Host.LookupEnv = func(string) (string, bool) { return "@abstract", true }
	if _, _, err := Build(in); !errors.Is(err, ErrUnsupported) {
		t.Errorf("abstract socket: %v", err)
	}
	for flag, want := range map[string]error{"healthy": ErrNotYet, "conmon": ErrConflict, "container": ErrConflict, "often": ErrInvalid} {
		o := Defaults()
		o.SDNotify = flag
		if err := o.Check(); !errors.Is(err, want) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
