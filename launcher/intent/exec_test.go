package intent

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// askExec is a usual question about a container that runs as ana.
func askExec(change func(*ExecInput)) ExecInput {
	umask := uint32(0o27)
	in := ExecInput{
		Options: &ExecOptions{}, Command: []string{"cmd", "arg"}, View: debianView(), Host: fakeHost(), Maps: usualMaps(),
		Base: &specs.Spec{Process: &specs.Process{
			Args: []string{"first"}, Env: []string{"PATH=/bin", "HOME=/home/ana", "A=1"}, Cwd: "/data", Terminal: true, ConsoleSize: &specs.Box{Width: 9, Height: 9},
			User: specs.User{UID: 1000, GID: 1000, Umask: &umask}, NoNewPrivileges: true,
			Capabilities: &specs.LinuxCapabilities{
				Bounding: []string{"CAP_CHOWN", "CAP_KILL"}, Effective: []string{"CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"},
				Inheritable: []string{"CAP_CHOWN"}, Ambient: []string{"CAP_CHOWN"},
			},
		}},
	}
	in.Host.Terminal = &specs.Box{Width: 80, Height: 25}
	if change != nil {
		change(&in)
	}
	return in
}

// usualMaps are 65536 ids and root.
func usualMaps() Maps {
	m := []specs.LinuxIDMapping{{Size: 70001}}
	return Maps{UIDs: m, GIDs: m}
}

func mustExec(t *testing.T, change func(*ExecInput)) *specs.Process {
	t.Helper()
	p, _, err := Exec(askExec(change))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is not asked is as the first process has it.
func TestExecInherits(t *testing.T) {
	in := askExec(nil)
	before := *in.Base.Process
	p, keys, err := Exec(in)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Args, []string{"cmd", "arg"}) || p.Cwd != "/data" || p.User.UID != 1000 || *p.User.Umask != 0o27 || !slices.Equal(p.Env, before.Env) || !p.NoNewPrivileges {
		t.Errorf("%+v", p)
	}
	if p.Terminal || p.ConsoleSize != nil {
		t.Error("the first process's terminal is this one's")
	}
	if string(keys) != "\x10\x11" {
		t.Errorf("keys %q", keys)
	}
	if in.Base.Process.Args[0] != "first" || !in.Base.Process.Terminal || len(in.Base.Process.Env) != len(before.Env) || len(in.Base.Process.Capabilities.Ambient) != 1 {
		t.Errorf("the container's own record was changed: %+v", in.Base.Process)
	}
}

func TestExecOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		ask  func(*ExecOptions)
		ok   func(p *specs.Process) bool
	}{
		{"user", func(o *ExecOptions) { o.User = "daemon" }, func(p *specs.Process) bool {
			return p.User.UID == 1 && p.User.GID == 1 && *p.User.Umask == 0o27 && slices.Contains(p.Env, "HOME=/usr/sbin") && !slices.Contains(p.Env, "HOME=/home/ana")
		}},
		{"user and group", func(o *ExecOptions) { o.User = "33:5" }, func(p *specs.Process) bool { return p.User.UID == 33 && p.User.GID == 5 }},
		{"groups", func(o *ExecOptions) { o.User = "ana" }, func(p *specs.Process) bool { return slices.Equal(p.User.AdditionalGids, []uint32{1000, 33, 27, 70000}) }},
		{"home that was asked for", func(o *ExecOptions) { o.User, o.Env = "daemon", []string{"HOME=/x"} }, func(p *specs.Process) bool {
			return slices.Contains(p.Env, "HOME=/x") && !slices.Contains(p.Env, "HOME=/usr/sbin")
		}},
		{"workdir", func(o *ExecOptions) { o.Workdir = "/tmp" }, func(p *specs.Process) bool { return p.Cwd == "/tmp" }},
		{"environment", func(o *ExecOptions) { o.Env = []string{"A=2", "B=3"} }, func(p *specs.Process) bool {
			return slices.Contains(p.Env, "A=2") && slices.Contains(p.Env, "B=3") && !slices.Contains(p.Env, "A=1")
		}},
		{"terminal", func(o *ExecOptions) { o.TTY = true }, func(p *specs.Process) bool {
			return p.Terminal && p.ConsoleSize.Width == 80 && slices.Contains(p.Env, "TERM=xterm")
		}},
		{"terminal with a TERM", func(o *ExecOptions) { o.TTY, o.Env = true, []string{"TERM=vt100"} }, func(p *specs.Process) bool {
			return slices.Contains(p.Env, "TERM=vt100") && !slices.Contains(p.Env, "TERM=xterm")
		}},
	} {
		if p := mustExec(t, func(in *ExecInput) { tt.ask(in.Options) }); !tt.ok(p) {
			t.Errorf("%s: %+v", tt.name, p)
		}
	}
}

// No more than the container has, inheritable and ambient never (CVE-2022-29162);
// with --privileged all that the kernel knows.
func TestExecCapabilities(t *testing.T) {
	have := []string{"CAP_CHOWN", "CAP_KILL"}
	for _, tt := range []struct {
		name     string
		change   func(*ExecInput)
		bounding []string
		power    []string
	}{
		{"user", nil, have, nil},
		{"root", func(in *ExecInput) { in.Options.User = "0" }, have, have},
		{"another user", func(in *ExecInput) { in.Options.User = "daemon" }, have, nil},
		{"none to give", func(in *ExecInput) { in.Base.Process.Capabilities = nil; in.Options.User = "0" }, nil, nil},
	} {
		c := mustExec(t, tt.change).Capabilities
		if !slices.Equal(c.Bounding, tt.bounding) || !slices.Equal(c.Effective, tt.power) || !slices.Equal(c.Permitted, tt.power) || len(c.Inheritable)+len(c.Ambient) > 0 {
			t.Errorf("%s: %+v", tt.name, c)
		}
	}
	c := mustExec(t, func(in *ExecInput) { in.Options.Privileged, in.Host.LastCap = true, 3 }).Capabilities
	if len(c.Bounding) != 4 || len(c.Effective) != 4 || len(c.Permitted) != 4 || len(c.Inheritable)+len(c.Ambient) > 0 {
		t.Errorf("privileged: %+v", c)
	}
	if c = mustExec(t, func(in *ExecInput) { in.Options.Privileged, in.Host.LastCap = true, 1000 }).Capabilities; len(c.Bounding) == 0 {
		t.Error("a kernel that knows more capabilities than this program")
	}
}

func TestExecErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*ExecInput)
		text   string
	}{
		{"no command", func(in *ExecInput) { in.Command = nil }, "no command given"},
		{"NUL", func(in *ExecInput) { in.Command = []string{"a", "b\x00c"} }, "NUL byte"},
		{"user", func(in *ExecInput) { in.Options.User = "ghost" }, "ghost"},
		{"id with a sign", func(in *ExecInput) { in.Options.User = "+1" }, "+1"}, // CVE-2026-30892
		{"relative workdir", func(in *ExecInput) { in.Options.Workdir = "x" }, "--workdir"},
		{"descriptor as workdir", func(in *ExecInput) { in.Options.Workdir = "/proc/self/fd/3" }, "--workdir"}, // CVE-2024-21626
		{"variable", func(in *ExecInput) { in.Options.Env = []string{"=x"} }, "--env"},
		{"env file", func(in *ExecInput) { in.Options.EnvFile = []string{"/nowhere"} }, "/nowhere"},
		{"keys", func(in *ExecInput) { in.Options.DetachKeys = ptrTo("ctrl-") }, "--detach-keys"},
	} {
		p, _, err := Exec(askExec(tt.change))
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %+v, %v", tt.name, p, err)
		}
	}
	if _, _, err := Exec(askExec(func(in *ExecInput) { in.Command = nil })); !errors.Is(err, ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func ptrTo(s string) *string { return &s }

func TestExecDetachKeys(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "a", "ctrl-a,b": "\x01b", "ctrl-@": "\x00", "ctrl-p,ctrl-q": "\x10\x11"} {
		if _, keys, err := Exec(askExec(func(in *ExecInput) { in.Options.DetachKeys = ptrTo(text) })); err != nil || string(keys) != want {
			t.Errorf("%q: %q, %v", text, keys, err)
		}
	}
}

func TestLogLimits(t *testing.T) {
	for _, tt := range []struct {
		opts  string
		size  int64
		files int
		err   string
	}{
		{"", 0, 1, ""},
		{"max-size=4k", 4096, 1, ""},
		{"max-size=4096", 4096, 1, ""},
		{"max-size=10m max-file=3", 10 << 20, 3, ""},
		{"max-file=1000", 0, 1000, ""},
		{"max-size=4095", 0, 0, "at least 4k"},
		{"max-size=-1", 0, 0, "at least 4k"},
		{"max-size=big", 0, 0, "at least 4k"},
		{"max-size", 0, 0, "at least 4k"},
		{"max-file=0", 0, 0, "1 to 1000"},
		{"max-file=1001", 0, 0, "1 to 1000"},
		{"max-file=x", 0, 0, "1 to 1000"},
		{"tag=x", 0, 0, "are possible"},
	} {
		o := &Options{LogOpt: strings.Fields(tt.opts)}
		l, err := o.LogLimits()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) || err == nil && (l.MaxSize != tt.size || l.MaxFiles != tt.files) {
			t.Errorf("%q: %+v, %v", tt.opts, l, err)
		}
	}
}
