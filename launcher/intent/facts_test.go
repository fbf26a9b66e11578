package intent

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A host that nothing is known of must give errors and no panics.
func TestEmptyFacts(t *testing.T) {
	h := &HostFacts{}
	if _, ok := h.lookupEnv("PATH"); ok {
		t.Error("a variable of nowhere")
	}
	if _, err := h.readFile("/etc/hosts", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := h.stat("/"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, c := range []struct {
		change func(*Options)
		kind   error
	}{
		{func(o *Options) { o.Env, o.EnvHost, o.HTTPProxy = []string{"A", "B*"}, true, true }, nil},
		{func(o *Options) { o.Privileged = true }, nil},
		{func(o *Options) { o.Network = []string{"host"} }, nil},
		{func(o *Options) { o.PID, o.IPC, o.UTS, o.Cgroupns = "host", "host", "host", "host" }, nil},
		{func(o *Options) { o.Ulimit = []string{"nofile=10"} }, nil},
		{func(o *Options) { o.Volume = []string{"/src:/d"} }, ErrNotFound},
		{func(o *Options) { o.Device = []string{"/dev/fuse"} }, ErrNotFound},
		{func(o *Options) { o.EnvFile = []string{"x"} }, ErrNotFound},
		{func(o *Options) { o.LabelFile = []string{"x"} }, ErrNotFound},
		{func(o *Options) { o.TZ = "local" }, ErrNotFound},
		{func(o *Options) { o.TimeOffset = []string{"boottime=1"} }, ErrUnsupported},
	} {
		in := ask(c.change)
		in.Host, in.Maps = h, Maps{}
		if _, _, err := Build(in); !errors.Is(err, c.kind) {
			t.Errorf("%+v: %v", *in.Options, err)
		}
	}
}

// The host may list more than it was asked for; only nodes below the directory are bound.
func TestDevicesAreHeldToTheirDirectory(t *testing.T) {
	b := &builder{Input: Input{Host: &HostFacts{Devices: func(string) ([]string, error) {
		return []string{"/dev/a", "/dev/../etc/x", "/dev/b/../c", "/devil", "/dev", "/dev/d/e"}, nil
	}}}}
	got, err := b.listDevices("/dev")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "devices", got, []string{"/dev/a", "/dev/d/e"})
}

func TestGateway(t *testing.T) {
	for _, c := range []struct {
		host    bool
		network string
		known   string
		want    string
	}{
		{true, "host", "", "127.0.0.1"},
		{false, "none", "10.0.2.2", ""},
		{false, "other", "10.0.2.2", "10.0.2.2"},
		{false, "other", "", ""},
	} {
		b := &builder{Input: Input{Host: &HostFacts{Gateway: c.known}}, extra: &Extras{Network: c.network}}
		b.ns.net.host = c.host
		got, err := b.gateway("a:host-gateway")
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
}

func TestCause(t *testing.T) {
	if got := cause(&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}); got != fs.ErrPermission {
		t.Error(got)
	}
	if plain := errors.New("x"); cause(plain) != plain {
		t.Error("a plain error changes")
	}
}

func TestDevptsOfEveryMap(t *testing.T) {
	for _, c := range []struct {
		gids []specs.LinuxIDMapping
		tty  bool
	}{
		{nil, true},
		{[]specs.LinuxIDMapping{{ContainerID: 0, Size: 1}}, false},
		{[]specs.LinuxIDMapping{{ContainerID: 0, Size: 5}}, false},
		{[]specs.LinuxIDMapping{{ContainerID: 0, Size: 6}}, true},
		{[]specs.LinuxIDMapping{{ContainerID: 0, Size: 1}, {ContainerID: 5, Size: 1}}, true},
	} {
		b := &builder{Input: Input{Maps: Maps{GIDs: c.gids}}}
		if opts := b.devpts().Options; (len(opts) == 6) != c.tty {
			t.Errorf("%+v: %v", c, opts)
		}
	}
}
