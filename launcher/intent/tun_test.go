package intent

import (
	"strings"
	"syscall"
	"testing"
)

// Without /dev/net/tun a network that nobody asked for is none, with one line; one that somebody asked for
// is an error. Nobody looks for the device who needs none.
func TestNeedTUN(t *testing.T) {
	looked := 0
	build := func(change func(*Options), missing error) (*Extras, error) {
		in := ask(change)
		looked = 0
		in.Host.TUN = func() error { looked++; return missing }
		_, e, err := Build(in)
		return e, err
	}
	for _, change := range []func(*Options){nil, func(o *Options) { o.Network = []string{"default"} }} {
		e, err := build(change, nil)
		if err != nil || e.Network != "slirp" || e.Slirp == nil || len(e.Warnings) > 0 || looked != 1 {
			t.Errorf("%+v %v, looked %d times", e, err, looked)
		}
		e, err = build(change, syscall.ENOENT)
		if err != nil || e.Network != "none" || e.Slirp != nil || len(e.Warnings) != 1 {
			t.Fatalf("%+v %v", e, err)
		}
		if w := e.Warnings[0]; !strings.Contains(w, "no such file") || !strings.Contains(w, "modprobe tun") || strings.Contains(w, "\n") {
			t.Errorf("%q", w)
		}
		if fileAt(e, "/etc/resolv.conf") != NoDNS || strings.Contains(fileAt(e, "/etc/hosts"), "10.0.2") {
			t.Errorf("files of a network that is not there: %q", fileAt(e, "/etc/hosts"))
		}
	}
	for _, asked := range []func(*Options){
		func(o *Options) { o.Network = []string{"slirp"} }, func(o *Options) { o.Network = []string{"private"} },
		func(o *Options) { o.Publish = []string{"80"} }, func(o *Options) { o.HostPort = []uint16{80} },
	} {
		_, err := build(asked, syscall.EACCES)
		wantErr(t, err, ErrUnsupported, "/dev/net/tun: permission denied", "chmod 0666", "--network host")
	}
	_, err := build(func(o *Options) { o.Network = []string{"slirp"} }, syscall.EIO)
	wantErr(t, err, ErrUnsupported, "coracle doctor")
	for _, other := range []string{"none", "host", "container:a"} {
		if _, err := build(func(o *Options) { o.Network = []string{other} }, syscall.ENOENT); err != nil || looked != 0 {
			t.Errorf("--network %s: looked %d times, %v", other, looked, err)
		}
	}
}
