package intent

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"coracle/slirp/networks"
)

// netHost is a host with user networks.
func netHost() *HostFacts {
	h := fakeHost()
	h.ReadFile = func(string, int64) ([]byte, error) {
		return []byte("nameserver 127.0.0.53\nnameserver 192.0.2.1\n"), nil
	}
	h.Network = func(ref string) (*networks.Network, error) {
		for _, n := range []*networks.Network{
			networks.Default(), testNetwork("web", "10.89.0.0/24", "fd00:1::/64"), testNetwork("db", "10.89.1.0/24"), testNetwork("six", "fd00:2::/64"), internalNetwork(),
		} {
			if n.Name == ref || n.Name == "web" && ref == "abc123" {
				return n, nil
			}
		}
		return nil, &networks.NotFound{Name: ref}
	}
	return h
}

func internalNetwork() *networks.Network {
	n := testNetwork("inner", "10.89.2.0/24")
	n.Internal = true
	return n
}

func testNetwork(name string, prefixes ...string) *networks.Network {
	n := &networks.Network{Name: name, ID: name, DNS: true}
	for _, p := range prefixes {
		s := networks.Subnet{}
		_ = json.Unmarshal([]byte(`{"Prefix":"`+p+`"}`), &s)
		s.Gateway = s.Prefix.Addr().Next()
		n.Subnets = append(n.Subnets, s)
	}
	return n
}

func onNetworks(list ...string) func(*Options) {
	return func(o *Options) { o.Network = list }
}

func TestAttachments(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string // the attachments, or what the error says
	}{
		{"one", onNetworks("web"), "web"},
		{"by id", onNetworks("abc123"), "web"},
		{"default", onNetworks("bridge"), "bridge"},
		{"several", onNetworks("web", "db"), "web db"},
		{"options", onNetworks("web:ip=10.89.0.9,alias=a,alias=b.c,mac=92-D0-c6-0a-29-33,interface_name=lan0", "db:ip=10.89.1.4"),
			"web:alias=a,alias=b.c,ip=10.89.0.9,mac=92:d0:c6:0a:29:33,interface_name=lan0 db:ip=10.89.1.4"},
		{"docker's long form", onNetworks("name=web,alias=a,ip6=fd00:1::9"), "web:alias=a,ip6=fd00:1::9"},
		{"docker's names", onNetworks("name=web,mac-address=92:d0:c6:0a:29:33", "db:mac_address=02:00:00:00:00:01"), "web:mac=92:d0:c6:0a:29:33 db:mac=02:00:00:00:00:01"},
		{"flags", func(o *Options) {
			o.Network, o.AttachFlags = []string{"web"}, AttachFlags{IP: "10.89.0.9", IP6: "fd00:1::9", MACAddress: "92:d0:c6:0a:29:33", NetworkAlias: []string{"a", "b"}}
		}, "web:alias=a,alias=b,ip=10.89.0.9,ip6=fd00:1::9,mac=92:d0:c6:0a:29:33"},
		{"alias for all", func(o *Options) { o.Network, o.NetworkAlias = []string{"web:alias=x", "db"}, []string{"a"} }, "web:alias=x,alias=a db:alias=a"},
		{"slirp beside", onNetworks("slirp:mtu=9000", "web"), "web"},

		{"unknown", onNetworks("wbe"), "coracle network create wbe"},
		{"twice", onNetworks("web", "db", "web"), "--network web was given twice"},
		{"twice, by id", onNetworks("web", "abc123"), "--network web was given twice"},
		{"host beside", onNetworks("web", "host"), "--network host cannot stand beside others"},
		{"none beside", onNetworks("none", "web"), "--network none cannot stand beside others"},
		{"container beside", onNetworks("web", "container:x"), "cannot stand beside others"},
		{"slirp twice", onNetworks("slirp", "slirp", "web"), "--network slirp cannot stand beside others"},
		{"a device twice", onNetworks("web:interface_name=a", "db:interface_name=a"), "two devices cannot have one name"},
		{"one address, two networks", func(o *Options) { o.Network, o.IP = []string{"web", "db"}, "10.89.0.9" }, "--network web:ip=10.89.0.9"},
		{"one MAC, two networks", func(o *Options) { o.Network, o.MACAddress = []string{"web", "db"}, "92:d0:c6:0a:29:33" }, "--mac-address is for one network"},
		{"address without", func(o *Options) { o.IP = "10.89.0.9" }, "--ip conflicts with --network slirp"},
		{"alias without", func(o *Options) { o.Network, o.NetworkAlias = []string{"host"}, []string{"a"} }, "--network-alias conflicts with --network host"},
		{"MAC without", func(o *Options) { o.Network, o.MACAddress = []string{"none"}, "92:d0:c6:0a:29:33" }, "only a user network has it"},
		{"alias without names", func(o *Options) { o.Network, o.NetworkAlias = []string{"bridge"}, []string{"a"} }, "network bridge has no names"},
		{"elsewhere", onNetworks("web:ip=10.89.1.4"), "not in the subnet"},
		{"the gateway", onNetworks("web:ip=10.89.0.1"), "gateway"},
		{"IPv6 where there is none", onNetworks("db:ip6=fd00:1::5"), "no IPv6 subnet"},
		{"no address", onNetworks("web:ip=10.89.0"), "an IPv4 address is wanted"},
		{"the other family", onNetworks("web:ip=fd00:1::5"), "an IPv4 address is wanted"},
		{"the other family, IPv6", func(o *Options) { o.Network, o.IP6 = []string{"web"}, "10.89.0.9" }, "an IPv6 address is wanted"},
		{"zone", onNetworks("web:ip6=fe80::1%eth0"), "an IPv6 address is wanted"},
		{"bad alias", onNetworks("web:alias=a_b c"), "invalid --network web:alias"},
		{"bad alias flag", func(o *Options) { o.Network, o.NetworkAlias = []string{"web"}, []string{"-x-"} }, "invalid --network-alias"},
		{"empty alias", onNetworks("web:alias="), "invalid --network web:alias"},
		{"bad MAC", onNetworks("web:mac=92:d0:c6:0a:29"), "six pairs"},
		{"MAC of a group", onNetworks("web:mac=93:d0:c6:0a:29:33"), "six pairs"},
		{"MAC of nobody", onNetworks("web:mac=00:00:00:00:00:00"), "six pairs"},
		{"bad device", onNetworks("web:interface_name=a/b"), "name of a device"},
		{"the loopback", onNetworks("web:interface_name=lo"), "name of a device"},
		{"long device", onNetworks("web:interface_name=a234567890123456"), "name of a device"},
		{"unknown option", onNetworks("web:speed=9"), "alias=, ip=, ip6=, mac= and interface_name="},
		{"no name", onNetworks("a b"), "invalid --network"},
		{"path", onNetworks("../web"), "invalid --network"},
	} {
		in := ask(c.change)
		in.Host = netHost()
		_, e, err := Build(in)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var got []string
		for _, a := range e.Attachments {
			got = append(got, a.String())
		}
		if s := strings.Join(got, " "); s != c.want || e.Network != e.Attachments[0].Network || e.Slirp == nil {
			t.Errorf("%s: %q, network %s", c.name, s, e.Network)
		}
		// What was understood is what a record of it says again.
		o := *in.Options
		o.Attach(e.Attachments)
		again, err := o.Attachments()
		if err != nil || !reflect.DeepEqual(again, e.Attachments) {
			t.Errorf("%s: recorded as %v %v: %+v", c.name, o.Network, err, again)
		}
	}
}

func TestUnknownNetwork(t *testing.T) {
	in := ask(onNetworks("wbe"))
	if _, _, err := Build(in); !errors.Is(err, networks.ErrNoNetwork) {
		t.Errorf("without networks: %v", err)
	}
	in.Host = netHost()
	var missing *networks.NotFound
	if _, _, err := Build(in); !errors.As(err, &missing) || missing.Name != "wbe" {
		t.Errorf("%v", err)
	}
}

func TestFilesOfUserNetworks(t *testing.T) {
	for _, c := range []struct {
		name          string
		change        func(*Options)
		resolv, hosts string
	}{
		{"one", func(o *Options) { o.Network, o.Name = []string{"web"}, "c" }, "10.89.0.1", "10.89.0.1\thost.containers.internal host.docker.internal\n"},
		{"two", onNetworks("web", "db"), "10.89.0.1 10.89.1.1", "10.89.0.1\thost.containers.internal host.docker.internal\n"},
		{"address", func(o *Options) { o.Network, o.Name = []string{"web:ip=10.89.0.9"}, "c" }, "10.89.0.1",
			"10.89.0.1\thost.containers.internal host.docker.internal\n10.89.0.9\t0123456789ab c\n"},
		{"name of the host's", func(o *Options) { o.Network, o.Hostname = []string{"web"}, "box" }, "10.89.0.1",
			"10.89.0.1\thost.containers.internal host.docker.internal\n127.0.0.1\tbox\n"},
		{"IPv6", onNetworks("six"), "fd00:2::1", "fd00:2::1\thost.containers.internal host.docker.internal\n"},
		{"IPv6 address", onNetworks("six:ip6=fd00:2::7"), "fd00:2::1", "fd00:2::1\thost.containers.internal host.docker.internal\nfd00:2::7\t0123456789ab\n"},
		{"internal", onNetworks("inner"), "10.89.2.1", ""},
		{"internal and another", onNetworks("inner", "db"), "10.89.2.1 10.89.1.1", "10.89.1.1\thost.containers.internal host.docker.internal\n"},
		{"without names", onNetworks("bridge"), "10.88.0.1", "10.88.0.1\thost.containers.internal host.docker.internal\n127.0.0.1\t0123456789ab\n"},
	} {
		in := ask(c.change)
		in.Host = netHost()
		_, e := mustBuild(t, in)
		var servers []string
		for line := range strings.Lines(fileAt(e, "/etc/resolv.conf")) {
			if a, ok := strings.CutPrefix(strings.TrimSpace(line), "nameserver "); ok {
				servers = append(servers, a)
			}
		}
		if got := strings.Join(servers, " "); got != c.resolv {
			t.Errorf("%s: servers %q", c.name, got)
		}
		_, own, _ := strings.Cut(fileAt(e, "/etc/hosts"), "::1\tlocalhost\n")
		if own != c.hosts {
			t.Errorf("%s: hosts %q", c.name, own)
		}
	}
	in := ask(func(o *Options) { o.Network, o.AddHost = []string{"inner"}, []string{"gw:host-gateway"} })
	in.Host = netHost()
	_, _, err := Build(in)
	wantErr(t, err, ErrUnsupported, "internal")
}

func TestAttach(t *testing.T) {
	web, db := Attachment{Network: "web"}, Attachment{Network: "db", Aliases: []string{"x"}}
	for _, c := range []struct {
		name string
		had  []string
		list []Attachment
		want []string
	}{
		{"of the default", nil, []Attachment{web}, []string{"slirp", "web"}},
		{"of slirp", []string{"slirp:mtu=9000"}, []Attachment{web}, []string{"slirp:mtu=9000", "web"}},
		{"of private", []string{"private"}, []Attachment{web}, []string{"slirp", "web"}},
		{"one more", []string{"web"}, []Attachment{web, db}, []string{"web", "db:alias=x"}},
		{"none any more", []string{"web"}, nil, []string{"none"}},
		{"slirp stays", []string{"slirp", "web"}, nil, []string{"slirp"}},
		{"after none", []string{"none"}, []Attachment{web}, []string{"web"}},
	} {
		o := Options{Network: c.had, AttachFlags: AttachFlags{IP: "10.89.0.9"}}
		o.Attach(c.list)
		if !slices.Equal(o.Network, c.want) || !reflect.DeepEqual(o.AttachFlags, AttachFlags{}) {
			t.Errorf("%s: %v", c.name, o.Network)
		}
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAttachable(t *testing.T) {
	for _, c := range []struct {
		network string
		name    string
		ok      bool
	}{{"", "slirp", true}, {"slirp:mtu=1400", "slirp", true}, {"none", "none", true}, {"web:ip=10.0.0.9", "web", true}, {"host", "host", false}, {"container:x", "container:x", false}} {
		o := Options{}
		if c.network != "" {
			o.Network = []string{c.network}
		}
		err := o.Attachable()
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrConflict) || o.NetworkName() != c.name {
			t.Errorf("%s: %v, %s", c.network, err, o.NetworkName())
		}
	}
}

func FuzzAttachment(f *testing.F) {
	for _, s := range []string{"web", "web:ip=10.89.0.9,alias=a", "name=web,alias=a", "web:mac=92:d0:c6:0a:29:33,interface_name=x", ":", "web:,,", "name=name=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAttachment(s)
		if err != nil {
			return
		}
		again, err := ParseAttachment(a.String())
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("%q: %q: %+v %+v %v", s, a.String(), a, again, err)
		}
	})
}
