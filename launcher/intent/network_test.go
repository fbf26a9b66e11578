package intent

import (
	"strings"
	"testing"
)

func TestNetworkOfItsOwn(t *testing.T) {
	host := fakeHost()
	host.ReadFile = func(name string, _ int64) ([]byte, error) {
		return []byte("nameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch example.org\noptions edns0\n"), nil
	}
	file := func(e *Extras, path string) string {
		for _, f := range e.Files {
			if f.Path == path {
				return string(f.Content)
			}
		}
		return ""
	}
	in := ask(func(o *Options) { o.Network, o.HostPort, o.Name = []string{"slirp:mtu=9000"}, []uint16{5432}, "web" })
	in.Host = host
	s, e := mustBuild(t, in)
	if e.Network != "slirp" || e.Slirp.MTU != 9000 || len(e.Slirp.HostPorts) != 1 {
		t.Errorf("%s %+v", e.Network, e.Slirp)
	}
	equal(t, "resolv.conf", strings.Split(file(e, "/etc/resolv.conf"), "\n"), []string{"search example.org", "nameserver 10.0.2.3", "nameserver 10.0.2.4", "options edns0", ""})
	hosts := file(e, "/etc/hosts")
	for _, line := range []string{"10.0.2.2\thost.containers.internal host.docker.internal\n", "10.0.2.100\t" + s.Hostname + " web\n"} {
		if !strings.Contains(hosts, line) {
			t.Errorf("no %q in\n%s", line, hosts)
		}
	}
	if got := s.Linux.Sysctl[pingRange]; got != "0 65536" {
		t.Errorf("ping_group_range %q", got)
	}
	in = ask(func(o *Options) {
		o.Network, o.DNS, o.AddHost = []string{"private"}, []string{"9.9.9.9"}, []string{"host.docker.internal:host-gateway"}
		o.Sysctl = []string{pingRange + "=1 0"}
	})
	in.Host = host
	s, e = mustBuild(t, in)
	if got := file(e, "/etc/resolv.conf"); !strings.Contains(got, "nameserver 9.9.9.9\n") || strings.Contains(got, "10.0.2.3") {
		t.Errorf("resolv.conf %q", got)
	}
	if got := file(e, "/etc/hosts"); strings.Count(got, "host.docker.internal") != 1 || !strings.Contains(got, "10.0.2.2\thost.containers.internal\n") {
		t.Errorf("hosts %q", got)
	}
	if got := s.Linux.Sysctl[pingRange]; got != "1 0" {
		t.Errorf("ping_group_range %q", got)
	}
}

func TestPublishedPorts(t *testing.T) {
	in := ask(func(o *Options) {
		o.Publish, o.PublishAll, o.Expose = []string{"8080:80", "127.0.0.1:5300-5301:53-54/udp"}, true, []string{"9000", "54/udp"}
	})
	in.Image.ExposedPorts = []string{"80/tcp", "443/tcp"}
	_, e := mustBuild(t, in)
	var got []string
	for _, p := range e.Slirp.Ports {
		got = append(got, p.String())
	}
	equal(t, "ports", got, []string{"8080:80/tcp", "127.0.0.1:5300:53/udp", "127.0.0.1:5301:54/udp", ":9000/tcp", ":443/tcp"})
}

func TestBadNetwork(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		kind   error
		text   string
	}{
		{func(o *Options) { o.Network, o.Publish = []string{"none"}, []string{"80"} }, ErrConflict, "--network slirp"},
		{func(o *Options) { o.Network, o.PublishAll = []string{"host"}, true }, ErrConflict, "--publish-all"},
		{func(o *Options) { o.Network, o.HostPort = []string{"container:x"}, []uint16{1} }, ErrConflict, "--host-port"},
		{func(o *Options) { o.Network = []string{"slirp:speed=fast"} }, ErrInvalid, "host-loopback"},
		{func(o *Options) { o.Publish = []string{"http:80"} }, ErrInvalid, "8080:80"},
		{func(o *Options) { o.PublishAll, o.Expose = true, []string{"80:80"} }, ErrInvalid, "-p 80:80"},
		{func(o *Options) { o.PublishAll, o.Expose = true, []string{"x"} }, ErrInvalid, "--expose"},
	} {
		_, _, err := Build(ask(c.change))
		wantErr(t, err, c.kind, c.text)
	}
}
