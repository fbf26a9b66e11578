package intent

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The merge of entrypoint and command is docker's table.
func TestCommand(t *testing.T) {
	img := func(entry, cmd string) *ImageConfig {
		return &ImageConfig{Entrypoint: strings.Fields(entry), Cmd: strings.Fields(cmd)}
	}
	for _, c := range []struct {
		name  string
		entry *string
		args  string
		image *ImageConfig
		want  string
	}{
		{"command of the image", nil, "", img("", "bash"), "bash"},
		{"command given", nil, "ls -l", img("", "bash"), "ls -l"},
		{"entrypoint and command of the image", nil, "", img("/e -x", "c d"), "/e -x c d"},
		{"entrypoint of the image, command given", nil, "ls", img("/e", "c d"), "/e ls"},
		{"entrypoint given drops the image's command", ptr("/bin/sh"), "", img("/e", "c"), "/bin/sh"},
		{"entrypoint given with arguments", ptr("/bin/sh"), "-c x", img("/e", "c"), "/bin/sh -c x"},
		{"entrypoint reset", ptr(""), "ls", img("/e", "c"), "ls"},
		{"entrypoint reset drops the image's command", ptr(""), "", img("/e", "c"), ""},
		{"JSON entrypoint", ptr(`["/bin/sh","-c"]`), "x", img("/e", "c"), "/bin/sh -c x"},
		{"empty JSON entrypoint keeps the command", ptr(`[]`), "", img("/e", "c"), "c"},
		{"broken JSON is a program", ptr(`["a"`), "", img("/e", "c"), `["a"`},
		{"JSON of numbers is a program", ptr(`[1]`), "", img("/e", "c"), `[1]`},
		{"image resets with an empty string", nil, "", &ImageConfig{Entrypoint: []string{""}, Cmd: []string{"c"}}, "c"},
		{"no image", nil, "sh", nil, "sh"},
		{"no image and entrypoint", ptr("/e"), "a", nil, "/e a"},
		{"nothing", nil, "", img("", ""), ""},
	} {
		entry, cmd := command(c.entry, strings.Fields(c.args), c.image)
		if got := strings.Join(slices.Concat(entry, cmd), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	in := ask(nil)
	in.Image.Cmd = nil
	_, _, err := Build(in)
	wantErr(t, err, ErrInvalid, "no command")
	in.Image.Cmd = []string{"a\x00b"}
	_, _, err = Build(in)
	wantErr(t, err, ErrInvalid, "NUL")
}

func TestCwd(t *testing.T) {
	for _, c := range []struct{ flag, image, want string }{
		{"", "", "/"},
		{"/w", "", "/w"},
		{"/w/", "/i", "/w"},
		{"", "/i", "/i"},
		{"", "rel/dir", "/rel/dir"},
		{"/a/../b//c", "", "/b/c"},
		{"/..", "", "/"},
		{"/proc", "", "/proc"},
		{"/proc/sys", "", "/proc/sys"},
		{"/dev/fdx", "", "/dev/fdx"},
		{"/process/self/fd", "", "/process/self/fd"},
	} {
		in := ask(func(o *Options) { o.Workdir = c.flag })
		in.Image.WorkingDir = c.image
		s, _ := mustBuild(t, in)
		if s.Process.Cwd != c.want {
			t.Errorf("%+v: %s", c, s.Process.Cwd)
		}
	}
	_, _, err := Build(ask(func(o *Options) { o.Workdir = "rel" }))
	wantErr(t, err, ErrInvalid, "--workdir", "absolute")
}

// CVE-2024-21626: a working directory that leads through a descriptor.
func TestCwdThroughADescriptor(t *testing.T) {
	for _, dir := range []string{"/proc/self/fd/7", "/proc/self/fd", "/proc/self/cwd", "/proc/self/../self/root", "/proc/1/fd/3",
		"/proc/thread-self/fd/9/..", "//proc//self/fd/8/../../..//..//proc/self/fd/8", "/dev/fd/7", "/proc/self/task/1/cwd", "/proc/self"} {
		_, _, err := Build(ask(func(o *Options) { o.Workdir = dir }))
		wantErr(t, err, ErrInvalid, "--workdir", "descriptors")
		in := ask(nil)
		in.Image.WorkingDir = dir
		_, _, err = Build(in)
		wantErr(t, err, ErrInvalid, "WORKDIR of the image")
	}
}

func TestUmaskAndOOM(t *testing.T) {
	s, _ := mustBuild(t, ask(func(o *Options) { o.Umask, o.OOMScoreAdj = "0077", ptr(100) }))
	if *s.Process.User.Umask != 0o77 || *s.Process.OOMScoreAdj != 100 {
		t.Errorf("%+v", s.Process)
	}
	for _, m := range []string{"8", "x", "1777", "-1", "0o22"} {
		_, _, err := Build(ask(func(o *Options) { o.Umask = m }))
		wantErr(t, err, ErrInvalid, "--umask")
	}
	_, _, err := Build(ask(func(o *Options) { o.OOMScoreAdj = ptr(99) }))
	wantErr(t, err, ErrUnsupported, "it is 100", "--oom-score-adj 100")
}

func TestTerminal(t *testing.T) {
	in := ask(func(o *Options) { o.TTY, o.Interactive = true, true })
	in.Host.Terminal = &specs.Box{Height: 24, Width: 80}
	s, e := mustBuild(t, in)
	if !s.Process.Terminal || s.Process.ConsoleSize.Width != 80 || !slices.Contains(s.Process.Env, "TERM=xterm") || len(e.Warnings) != 0 {
		t.Errorf("%+v %q", s.Process, e.Warnings)
	}
}

func TestSignals(t *testing.T) {
	for s, want := range map[string]int{"": 15, "TERM": 15, "SIGTERM": 15, "sigint": 2, "9": 9, "64": 64, "RTMIN": 34, "SIGRTMIN+3": 37,
		"RTMAX-1": 63, "SIGRTMAX": 64, "IOT": 6, "WINCH": 28, "SYS": 31, "STKFLT": 16, "CLD": 17, "POLL": 29} {
		if got, err := parseSignal("--stop-signal", s); got != want || err != nil {
			t.Errorf("%q: %d %v", s, got, err)
		}
	}
	for _, s := range []string{"0", "65", "-1", "+9", "SIG", "SIGSIGTERM", "RTMIN+31", "RTMAX+1", "RTMIN+", "RTMIN--1", "TERM "} {
		if got, err := parseSignal("--stop-signal", s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
	in := ask(nil)
	in.Image.StopSignal = "SIGQUIT"
	if _, e := mustBuild(t, in); e.StopSignal != 3 {
		t.Error(e.StopSignal)
	}
	in.Image.StopSignal = "x"
	_, _, err := Build(in)
	wantErr(t, err, ErrInvalid, "STOPSIGNAL of the image")
}

func TestDetachKeys(t *testing.T) {
	for s, want := range map[string]string{"": "", "ctrl-p,ctrl-q": "\x10\x11", "a": "a", "ctrl-@,x,ctrl-_": "\x00x\x1f", "CTRL-A": "\x01", "A": "A"} {
		if got, err := parseDetachKeys(s); string(got) != want || err != nil {
			t.Errorf("%q: %q %v", s, got, err)
		}
	}
	for _, s := range []string{"ctrl-", "ctrl-1", "ab", "a,,b", "ctrl-pp", "é"} {
		if got, err := parseDetachKeys(s); err == nil {
			t.Errorf("%q: %q", s, got)
		}
	}
}
