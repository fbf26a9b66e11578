package intent

import (
	"slices"
	"strings"
	"testing"
)

func TestSystemd(t *testing.T) {
	for _, c := range []struct {
		about string
		set   func(*Options)
		argv  string
		want  bool
	}{
		{"by the command", nil, "/sbin/init", true},
		{"systemd anywhere", nil, "/lib/systemd/systemd", true},
		{"another init", nil, "/opt/init", false},
		{"another command", nil, "bash", false},
		{"never", func(o *Options) { o.Systemd = "false" }, "/sbin/init", false},
		{"always", func(o *Options) { o.Systemd = "always" }, "bash", true},
		{"true is the default", func(o *Options) { o.Systemd = "true" }, "bash", false},
		{"not under an init", func(o *Options) { o.Init = true }, "/sbin/init", false},
		{"not on the host's cgroups", func(o *Options) { o.Cgroupns = "host" }, "/sbin/init", false},
	} {
		s, e := mustBuild(t, ask(func(o *Options) {
			o.Entrypoint = new(string)
			if c.set != nil {
				c.set(o)
			}
		}, c.argv))
		if got := e.StopSignal == 37; got != c.want {
			t.Errorf("%s: stop signal %d", c.about, e.StopSignal)
		}
		if e.CgroupWritable != c.want {
			t.Errorf("%s: the cgroup is writable: %v", c.about, e.CgroupWritable)
		}
		for _, dst := range []string{"/run", "/run/lock", "/tmp", "/var/log/journal"} {
			if m := mountAt(s, dst); (m != nil) != c.want {
				t.Errorf("%s: mount at %s: %v", c.about, dst, m)
			} else if m != nil && slices.Contains(m.Options, "noexec") {
				t.Errorf("%s: %s: %q", c.about, dst, m.Options)
			}
		}
		if m := mountAt(s, "/sys/fs/cgroup"); !c.want && !slices.Contains(m.Options, "ro") && m.Type == "cgroup" || c.want && slices.Contains(m.Options, "ro") {
			t.Errorf("%s: cgroup %q", c.about, m.Options)
		}
		if got := slices.Contains(s.Process.Env, "container_uuid="+testID[:32]) && slices.Contains(s.Process.Env, "TERM=xterm"); got != c.want {
			t.Errorf("%s: environment %q", c.about, s.Process.Env)
		}
	}
}

// What the user says of a mount or the signal counts.
func TestSystemdYields(t *testing.T) {
	s, e := mustBuild(t, ask(func(o *Options) {
		o.Systemd, o.StopSignal = "always", "TERM"
		o.Tmpfs, o.ReadOnly = []string{"/run:size=1m"}, true
	}, "x"))
	if e.StopSignal != 15 {
		t.Errorf("signal %d", e.StopSignal)
	}
	seen := map[string]int{}
	for _, m := range s.Mounts {
		seen[m.Destination]++
	}
	if m := mountAt(s, "/run"); seen["/run"] != 1 || seen["/tmp"] != 1 || seen["/run/lock"] != 1 || !strings.Contains(strings.Join(m.Options, ","), "size=1048576") {
		t.Errorf("%v: %q", seen, m.Options)
	}
	in := ask(func(o *Options) { o.Systemd = "always" }, "x")
	in.Image.StopSignal = "SIGINT"
	if _, e := mustBuild(t, in); e.StopSignal != 2 {
		t.Errorf("the image's signal is %d", e.StopSignal)
	}
}
