package intent

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func nsList(s *specs.Spec) []string {
	var out []string
	for _, n := range s.Linux.Namespaces {
		e := string(n.Type)
		if n.Path != "" {
			e += "=" + n.Path
		}
		out = append(out, e)
	}
	return out
}

func TestNamespaces(t *testing.T) {
	all := []string{"user", "pid", "network", "ipc", "uts", "mount", "cgroup"}
	without := func(gone ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(gone, s) })
	}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   []string
	}{
		{"plain", nil, all},
		{"private", func(o *Options) { o.PID, o.IPC, o.UTS, o.Cgroupns = "private", "private", "private", "private" }, all},
		{"shareable", func(o *Options) { o.IPC = "shareable" }, all},
		{"ipc none", func(o *Options) { o.IPC = "none" }, all},
		{"network none", func(o *Options) { o.Network = []string{"none"} }, all},
		{"pid host", func(o *Options) { o.PID = "host" }, without("pid")},
		{"ipc host", func(o *Options) { o.IPC = "host" }, without("ipc")},
		{"uts host", func(o *Options) { o.UTS = "host" }, without("uts")},
		{"cgroup host", func(o *Options) { o.Cgroupns = "host" }, without("cgroup")},
		{"network host", func(o *Options) { o.Network = []string{"host"} }, without("network")},
		{"toolbox", func(o *Options) { o.PID, o.IPC, o.Network = "host", "host", []string{"host"} }, without("pid", "ipc", "network")},
		{"time", func(o *Options) { o.TimeOffset = []string{"boottime=1"} }, append(slices.Clone(all), "time")},
		{"container net", func(o *Options) { o.Network = []string{"container:web"} },
			[]string{"user", "pid", "network=container:web", "ipc", "uts", "mount", "cgroup"}},
		{"container uts", func(o *Options) { o.UTS = "container:web" },
			[]string{"user", "pid", "network", "ipc", "uts=container:web", "mount", "cgroup"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := mustBuild(t, ask(c.change))
			equal(t, "namespaces", nsList(s), c.want)
		})
	}
}

func TestUserNamespaceOfTheHost(t *testing.T) {
	in := ask(nil)
	in.Maps.Host = true
	s, _ := mustBuild(t, in)
	if slices.Contains(nsList(s), "user") || s.Linux.UIDMappings != nil || s.Linux.GIDMappings != nil {
		t.Errorf("%+v", s.Linux)
	}
}

// A namespace that belongs to another user namespace is joined together with it.
func TestJoin(t *testing.T) {
	in := ask(func(o *Options) { o.PID, o.IPC = "container:web", "container:web" })
	if of, err := in.Options.UsernsOf(); of != "web" || err != nil {
		t.Fatalf("UsernsOf: %q %v", of, err)
	}
	_, _, err := Build(in)
	wantErr(t, err, ErrConflict, "--userns container:web")
	in.Maps.Join = "web"
	s, e := mustBuild(t, in)
	equal(t, "namespaces", nsList(s), []string{"user=container:web", "pid=container:web", "network", "ipc=container:web", "uts", "mount", "cgroup"})
	if s.Linux.UIDMappings != nil {
		t.Error("a joined user namespace has a map")
	}
	if len(e.Join) != 3 || e.Join[specs.PIDNamespace] != "web" || e.Join[specs.UserNamespace] != "web" {
		t.Errorf("join %v", e.Join)
	}
	if got := mountLine(mountAt(s, "/dev/shm")); got != "bind container:web /dev/shm bind,rprivate,nosuid,noexec,nodev" {
		t.Error(got)
	}
}

func TestUsernsOf(t *testing.T) {
	for _, c := range []struct {
		userns, pid, ipc, cgroup, net string
		want, err                     string
	}{
		{},
		{net: "container:a"},
		{userns: "container:a", want: "a"},
		{pid: "container:a", want: "a"},
		{cgroup: "container:a", ipc: "container:a", want: "a"},
		{userns: "container:a", pid: "container:a", want: "a"},
		{userns: "container:a", pid: "container:b", err: "the user namespace of a"},
		{pid: "container:a", ipc: "container:b", err: "--ipc container:b"},
		{userns: "keep-id", pid: "container:a", err: "a user namespace of its own"},
		{userns: "host", ipc: "container:a", err: "a user namespace of its own"},
		{userns: "container:", err: "invalid --userns"},
		{userns: "container:../x", err: "invalid --userns"},
	} {
		o := Options{Userns: c.userns, PID: c.pid, IPC: c.ipc, Cgroupns: c.cgroup}
		if c.net != "" {
			o.Network = []string{c.net}
		}
		got, err := o.UsernsOf()
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
}

func TestModeErrors(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		kind   error
		text   string
	}{
		{func(o *Options) { o.PID = "container:" }, ErrInvalid, "--pid"},
		{func(o *Options) { o.PID = "none" }, ErrInvalid, "--pid"},
		{func(o *Options) { o.UTS = "shareable" }, ErrInvalid, "--uts"},
		{func(o *Options) { o.IPC = "Host" }, ErrInvalid, "--ipc"},
		{func(o *Options) { o.Cgroupns = "ns:/proc/1/ns/cgroup" }, ErrNotYet, "ns:PATH"},
		{func(o *Options) { o.Network = []string{""} }, ErrInvalid, "--network"},
		{func(o *Options) { o.Network = []string{"none", "host"} }, ErrConflict, "cannot stand beside others"},
		{func(o *Options) { o.Network = []string{"container:/etc"} }, ErrInvalid, "--network"},
	} {
		_, _, err := Build(ask(c.change))
		wantErr(t, err, c.kind, c.text)
	}
}
