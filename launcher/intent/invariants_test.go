package intent

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// switches are options that change what a container shares or may do; every combination of them is built.
var switches = []func(*Options){
	func(o *Options) { o.Privileged = true },
	func(o *Options) { o.PID = "host" },
	func(o *Options) { o.IPC = "host" },
	func(o *Options) { o.Network = []string{"host"} },
	func(o *Options) { o.Cgroupns = "host" },
	func(o *Options) { o.UTS = "host" },
	func(o *Options) { o.User = "ana" },
	func(o *Options) { o.ReadOnly = true },
	func(o *Options) { o.Volume = []string{"/src:/dev:rslave", "/src:/data/x:ro"} },
	func(o *Options) { o.SecurityOpt = []string{"no-new-privileges", "unmask=/proc/sys"} },
	func(o *Options) { o.CapDrop = []string{"all"} },
}

// What has to hold for any combination.
func TestInvariants(t *testing.T) {
	host := fakeHost()
	for bits := range 1 << len(switches) {
		in := ask(func(o *Options) {
			for i, s := range switches {
				if bits&(1<<i) != 0 {
					s(o)
				}
			}
		})
		in.Host = host
		s, e, err := Build(in)
		if o := in.Options; o.Privileged && len(o.CapDrop) > 0 {
			if err == nil {
				t.Fatal("--privileged --cap-drop all is accepted")
			}
			continue
		}
		if err != nil {
			t.Fatalf("%b: %v", bits, err)
		}
		checkSpec(t, in.Options, s, e)
		if t.Failed() {
			t.Fatalf("%b: %+v", bits, *in.Options)
		}
	}
}

func checkSpec(t *testing.T, o *Options, s *specs.Spec, e *Extras) {
	t.Helper()
	seen := map[string]bool{}
	for i, m := range s.Mounts {
		if seen[m.Destination] {
			t.Errorf("%s is mounted twice", m.Destination)
		}
		seen[m.Destination] = true
		if !path.IsAbs(m.Destination) || m.Destination != path.Clean(m.Destination) {
			t.Errorf("destination %q", m.Destination)
		}
		for _, later := range s.Mounts[i+1:] {
			if strings.HasPrefix(m.Destination, later.Destination+"/") {
				t.Errorf("%s is covered by %s", m.Destination, later.Destination)
			}
		}
		checkOwnership(t, o, &m)
	}
	if !seen["/proc"] || !seen["/dev"] || !seen["/sys"] {
		t.Errorf("mounts %v", seen)
	}
	c := s.Process.Capabilities
	if len(c.Inheritable)+len(c.Ambient) != 0 || s.Process.User.UID != 0 && len(c.Effective) != 0 {
		t.Errorf("%+v", c)
	}
	if o.Privileged != (e.Seccomp == "unconfined") || o.Privileged != (len(s.Linux.MaskedPaths) == 0) {
		t.Errorf("seccomp %q, masked %v", e.Seccomp, s.Linux.MaskedPaths)
	}
	if s.Process.NoNewPrivileges != (len(o.SecurityOpt) > 0) || s.Root.Readonly != o.ReadOnly {
		t.Errorf("no new privileges %v, read-only %v", s.Process.NoNewPrivileges, s.Root.Readonly)
	}
	for _, kv := range s.Process.Env {
		if strings.Contains(kv, "s3") || strings.HasPrefix(kv, "LC_") {
			t.Errorf("the host's %s is in the environment", kv)
		}
	}
	if len(e.Join) != 0 {
		t.Errorf("join %v", e.Join)
	}
}

// checkOwnership holds a mount against the kernel's rule: a file system that shows a namespace can be
// mounted only where that namespace is the container's own, and what is the host's is never bound for
// writing below /sys.
func checkOwnership(t *testing.T, o *Options, m *specs.Mount) {
	t.Helper()
	shared := map[string]bool{"proc": o.PID == "host", "mqueue": o.IPC == "host", "sysfs": len(o.Network) > 0, "cgroup": o.Cgroupns == "host"}
	if shared[m.Type] {
		t.Errorf("%s is mounted and its namespace is the host's", m.Type)
	}
	if strings.HasPrefix(m.Source, "/sys") && !slices.Contains(m.Options, "rro") {
		t.Errorf("writable: %s", mountLine(m))
	}
	if m.Type == "bind" {
		props := 0
		for _, opt := range m.Options {
			if slices.Contains([]string{"private", "rprivate", "slave", "rslave", "shared", "rshared"}, opt) {
				props++
			}
		}
		if props != 1 {
			t.Errorf("propagation of %s", mountLine(m))
		}
	}
	if m.Destination != "/dev" && !strings.HasPrefix(m.Destination, "/d") && !slices.Contains(m.Options, "nosuid") {
		t.Errorf("set-uid works on %s", mountLine(m))
	}
}
