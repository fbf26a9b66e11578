package intent

import (
	"errors"
	"strings"
	"testing"
)

// buildWith builds for a host that has these programs.
func buildWith(programs string, change func(*Options)) (*Extras, error) {
	in := ask(change)
	in.Host.LookPath = func(name string) (string, error) {
		if strings.Contains(programs, name) {
			return "/usr/bin/" + name, nil
		}
		return "", errors.New("not found")
	}
	_, e, err := Build(in)
	return e, err
}

func TestDriver(t *testing.T) {
	const pastaRest = " -T none -U none --no-map-gw"
	for _, c := range []struct {
		network, args, address, dns, host string
	}{
		{"pasta", "--config-net --quiet --dns-forward 10.0.2.3 -a 10.0.2.100 -n 24 -g 10.0.2.2" + pastaRest, "10.0.2.100/24", "10.0.2.3", "invalid IP"},
		{"pasta:", "--config-net --quiet --dns-forward 10.0.2.3 -a 10.0.2.100 -n 24 -g 10.0.2.2" + pastaRest, "10.0.2.100/24", "10.0.2.3", "invalid IP"},
		{"pasta:--map-gw,--mtu,1500", "--mtu 1500 --config-net --quiet --dns-forward 10.0.2.3 -a 10.0.2.100 -n 24 -g 10.0.2.2 -T none -U none", "10.0.2.100/24", "10.0.2.3", "10.0.2.2"},
		{"pasta:-a,192.0.2.7,--gateway=192.0.2.1,--dns-forward,192.0.2.53,-T,80,--no-map-gw", "-a 192.0.2.7 --gateway=192.0.2.1 --dns-forward 192.0.2.53 -T 80 --no-map-gw --config-net --quiet -n 24 -U none", "192.0.2.7/24", "192.0.2.53", "invalid IP"},
		{"slirp4netns", "--configure --enable-sandbox --enable-seccomp --cidr=10.0.2.0/24 --mtu=65520 --enable-ipv6 --disable-host-loopback", "10.0.2.100/24", "10.0.2.3", "10.0.2.2"},
		{"slirp4netns:cidr=10.9.0.0/24,mtu=1400,enable_ipv6=false,allow_host_loopback=true,outbound_addr=eth0,port_handler=slirp4netns",
			"--configure --enable-sandbox --enable-seccomp --outbound-addr=eth0 --cidr=10.9.0.0/24 --mtu=1400", "10.9.0.100/24", "10.9.0.3", "10.9.0.2"},
	} {
		e, err := buildWith("pasta slirp4netns", func(o *Options) { o.Network, o.Publish = []string{c.network}, []string{"8080:80"} })
		if err != nil {
			t.Errorf("%s: %v", c.network, err)
			continue
		}
		d := e.Driver
		if o := (&Options{Network: []string{c.network}}); o.Plan() != e.Driver.Plan {
			t.Errorf("%s: %+v", c.network, o.Plan())
		}
		name, _, _ := strings.Cut(c.network, ":")
		if e.Slirp != nil || e.Network != name || d.Name != name || d.Program != "/usr/bin/"+name || len(d.Ports) != 1 {
			t.Errorf("%s: %+v", c.network, d)
		}
		if got := strings.Join(d.Args, " "); got != c.args {
			t.Errorf("%s:\n got %s\nwant %s", c.network, got, c.args)
		}
		if d.Plan.Container4.String() != c.address || d.Plan.DNS[0].String() != c.dns || d.Host.String() != c.host {
			t.Errorf("%s: %+v, host %s", c.network, d.Plan, d.Host)
		}
		if got := fileAt(e, "/etc/resolv.conf"); !strings.Contains(got, "nameserver "+c.dns+"\n") || strings.Count(got, "nameserver") != 1 {
			t.Errorf("%s: resolv.conf %q", c.network, got)
		}
		hosts := fileAt(e, "/etc/hosts")
		if own, _, _ := strings.Cut(c.address, "/"); !strings.Contains(hosts, own+"\t0123456789ab\n") ||
			strings.Contains(hosts, "host.docker.internal") != d.Host.IsValid() || strings.Contains(hosts, "invalid") {
			t.Errorf("%s: hosts %q", c.network, hosts)
		}
	}
}

func TestBadDriver(t *testing.T) {
	for _, c := range []struct {
		network string
		kind    error
		text    string
	}{
		{"pasta:mtu=1500", ErrInvalid, "pasta(1)"},
		{"pasta:-P,/tmp/x", ErrInvalid, "-P is not"},
		{"pasta:-P/tmp/x", ErrInvalid, "-P is not"},
		{"pasta:--config-net,--netns=/x", ErrInvalid, "--netns is not"},
		{"slirp4netns:speed=1", ErrInvalid, "port_handler="},
		{"slirp4netns:mtu=1", ErrInvalid, "1280"},
		{"slirp4netns:outbound_addr=", ErrInvalid, "no value"},
		{"slirp4netns:port_handler=rootlesskit", ErrUnsupported, "port_handler=slirp4netns"},
		{"ns:", ErrInvalid, "/run/netns/NAME"},
		{"ns:relative", ErrInvalid, "/run/netns/NAME"},
	} {
		_, err := buildWith("pasta slirp4netns", func(o *Options) { o.Network = []string{c.network} })
		wantErr(t, err, c.kind, c.text)
	}
	for program, packet := range map[string]string{"pasta": "passt", "slirp4netns": "slirp4netns"} {
		_, err := buildWith("", func(o *Options) { o.Network = []string{program} })
		wantErr(t, err, ErrNotFound, "the program "+program+" is not installed", "apt install "+packet)
		_, err = buildWith(program, func(o *Options) { o.Network, o.HostPort = []string{program}, []uint16{80} })
		wantErr(t, err, ErrConflict, "--host-port", "--network slirp")
	}
	_, err := buildWith("pasta", func(o *Options) { o.Network, o.AddHost = []string{"pasta"}, []string{"h:host-gateway"} })
	wantErr(t, err, ErrUnsupported, "pasta:--map-gw")
	e, err := buildWith("pasta", func(o *Options) { o.Network, o.AddHost = []string{"pasta:--map-gw"}, []string{"h:host-gateway"} })
	if err != nil || !strings.Contains(fileAt(e, "/etc/hosts"), "10.0.2.2\th\n") {
		t.Error(err)
	}
}

// A namespace that is somebody's is like the host's, but for the names.
func TestNetns(t *testing.T) {
	in := ask(func(o *Options) { o.Network = []string{"ns:/run/netns/../netns/blue"} })
	s, e := mustBuild(t, in)
	if path, err := in.Options.Netns(); path != "/run/netns/blue" || err != nil {
		t.Errorf("%q %v", path, err)
	}
	if in.Options.Plan().Container4.IsValid() {
		t.Error("a shared network has addresses of the container's")
	}
	for _, n := range nsList(s) {
		if strings.HasPrefix(n, "network") {
			t.Error(n)
		}
	}
	if s.Hostname != "0123456789ab" || strings.Contains(fileAt(e, "/etc/hosts"), "nas") || !strings.HasPrefix(e.Network, "ns:") {
		t.Errorf("%s %q", s.Hostname, fileAt(e, "/etc/hosts"))
	}
	for _, change := range []func(*Options){
		func(o *Options) { o.Publish = []string{"80"} }, func(o *Options) { o.Sysctl = []string{"net.ipv4.ip_forward=1"} },
	} {
		_, _, err := Build(ask(func(o *Options) { o.Network = []string{"ns:/run/netns/blue"}; change(o) }))
		wantErr(t, err, ErrConflict, "ns:/run/netns/blue")
	}
	_, _, err := Build(ask(func(o *Options) {
		o.Network, o.AddHost = []string{"ns:/run/netns/blue"}, []string{"h:host-gateway"}
	}))
	wantErr(t, err, ErrUnsupported, "name the address")
}

func FuzzDriver(f *testing.F) {
	for _, s := range []string{"pasta", "pasta:-a,1.2.3.4", "slirp4netns:mtu=9000,cidr=10.0.0.0/8", "ns:/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDriver(s)
		if d == nil || err != nil {
			return
		}
		if !d.Plan.Container4.IsValid() || !d.Plan.DNS[0].IsValid() {
			t.Errorf("%q: %+v", s, d.Plan)
		}
		for _, a := range d.Args {
			if strings.Contains(pastaOwn, " "+a+" ") {
				t.Errorf("%q: %q", s, d.Args)
			}
		}
	})
}
