package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher/containers"
	"coracle/launcher/usernet"
	"coracle/slirp/networks"
	"coracle/storage"
)

func sampleNetwork() *networks.Network {
	return &networks.Network{
		Name: "web", ID: strings.Repeat("ab", 32), Driver: "bridge", DNS: true, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Subnets: []networks.Subnet{
			{Prefix: netip.MustParsePrefix("10.89.0.0/24"), Gateway: netip.MustParseAddr("10.89.0.1"), First: netip.MustParseAddr("10.89.0.9"), Last: netip.MustParseAddr("10.89.0.20")},
			{Prefix: netip.MustParsePrefix("fd00::/64"), Gateway: netip.MustParseAddr("fd00::1")},
		},
		Labels: map[string]string{"team": "x", "a": ""}, Options: map[string]string{"mtu": "1400"},
	}
}

func TestNetworkRow(t *testing.T) {
	n := sampleNetwork()
	row := newNetworkRow(n)
	row.add(n, []usernet.Member{{ID: "c1", Name: "one", Interface: "eth0", MAC: "02:00:00:00:00:01", IP4: netip.MustParseAddr("10.89.0.9")}, {ID: "c2", Name: "two", Interface: "eth1", IP6: netip.MustParseAddr("fd00::2")}})
	for _, c := range []struct{ format, want string }{
		{"{{.ID}} {{.Id}}", n.ID + " " + n.ID},
		{"{{.Labels}} {{.Label \"team\"}} {{.Options}}", "a=,team=x x mtu=1400"},
		{"{{.IPv6}} {{.EnableIPv6}} {{.IPv6Enabled}} {{.EnableIPv4}} {{.DNSEnabled}} {{.Scope}}", "true true true true true local"},
		{"{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}} {{.IPRange}};{{end}}", "10.89.0.0/24 10.89.0.1 ;fd00::/64 fd00::1 ;"},
		{"{{(index .Subnets 0).LeaseRange.StartIP}}", "10.89.0.9"},
		{"{{range $id, $c := .Containers}}{{$id}} {{$c.Name}} {{$c.IPv4Address}} {{$c.IPv6Address}} {{$c.MacAddress}};{{end}}", "c1 one 10.89.0.9/24  02:00:00:00:00:01;c2 two  fd00::2/64 ;"},
	} {
		var b bytes.Buffer
		if err := format.Inspect(&b, c.format, []any{row}); err != nil || b.String() != c.want+"\n" {
			t.Errorf("%s: %q %v", c.format, b.String(), err)
		}
	}
	var b bytes.Buffer
	if err := (format.List{Format: "{{.ID}} {{.Name}}"}).Print(&b, []shortRow{{row}}); err != nil || b.String() != n.ID[:12]+" web\n" {
		t.Errorf("%q %v", b.String(), err)
	}
	damaged := newNetworkRow(&networks.Network{Name: "x", Err: errors.New("damaged")})
	b.Reset()
	if err := format.Inspect(&b, "", []any{damaged}); err != nil || !strings.Contains(b.String(), `"subnets": []`) || !strings.Contains(b.String(), `"Labels": {}`) {
		t.Errorf("%v\n%s", err, b.String())
	}
	if a, b := endpointID("n", "c1"), endpointID("n", "c2"); a == b || len(a) != 64 {
		t.Errorf("%s %s", a, b)
	}
}

func TestNetworkFilter(t *testing.T) {
	now := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	list := []*networks.Network{sampleNetwork(), networks.Default(), {Name: "db", ID: strings.Repeat("cd", 32), Driver: "bridge", Created: now}}
	used := func(n *networks.Network) bool { return n.Name == "db" }
	for _, c := range []struct{ filters, want string }{
		{"", "web bridge db"},
		{"name=e", "web bridge"}, {"name=^web$", "web"}, {"name=web name=db", "web db"},
		{"id=abab", "web"}, {"id=babab", ""},
		{"driver=bridge", "web bridge db"}, {"driver=macvlan", ""},
		{"scope=local", "web bridge db"}, {"scope=swarm", ""},
		{"type=builtin", "bridge"}, {"type=custom", "web db"},
		{"label=team", "web"}, {"label=team=x", "web"}, {"label=team=y", ""}, {"label=team label=b", ""}, {"label!=team", "bridge db"},
		{"until=2026-01-02T12:00:00Z", "web bridge"}, {"until=1h", "web bridge"},
		{"dangling=true", "web bridge"}, {"dangling=false", "db"},
		{"dangling=true name=web", "web"},
	} {
		fits, err := networkFilter(strings.Fields(c.filters), now, used)
		if err != nil {
			t.Errorf("%s: %v", c.filters, err)
			continue
		}
		var got []string
		for _, n := range list {
			if fits(n) {
				got = append(got, n.Name)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.filters, s, c.want)
		}
	}
	for _, bad := range []string{"name", "name=", "name=(", "type=all", "dangling=perhaps", "until=never", "colour=red"} {
		if _, err := networkFilter([]string{bad}, now, used); err == nil || !strings.Contains(err.Error(), "--filter") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestNetworkParams(t *testing.T) {
	c := NetworkCreateCmd{
		Name: "web", Driver: "bridge", Subnet: []string{"10.89.0.0/24", "fd00::/64"}, Gateway: []string{"fd00::9", "10.89.0.254"},
		IPRange: []string{"10.89.0.128/25", "fd00::10-fd00::20"}, Label: []string{"a=b=c", "d"}, Opt: []string{"mtu=1400"}, IPAMDriver: "host-local",
	}
	p, err := c.params()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Subnets); got != "[{10.89.0.0/24 10.89.0.254 10.89.0.128 10.89.0.255} {fd00::/64 fd00::9 fd00::10 fd00::20}]" {
		t.Error(got)
	}
	if p.Labels["a"] != "b=c" || len(p.Labels) != 2 || p.Options["mtu"] != "1400" {
		t.Errorf("%+v", p)
	}
	for want, c := range map[string]NetworkCreateCmd{
		"is the second for the subnet 10.89.0.0/24": {Subnet: []string{"10.89.0.0/24"}, Gateway: []string{"10.89.0.1", "10.89.0.2"}},
		"is in none of the subnets":                 {Subnet: []string{"10.89.0.0/24"}, Gateway: []string{"fd00::1"}},
		"needs --subnet":                            {IPRange: []string{"10.89.0.0/28"}},
		"an IP address is wanted":                   {Subnet: []string{"10.89.0.0/24"}, Gateway: []string{"first"}},
		"a part of the subnet is wanted":            {Subnet: []string{"10.89.0.0/24"}, IPRange: []string{"10.89.0.5-fd00::1"}},
	} {
		if _, err := c.params(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestNearNetwork(t *testing.T) {
	missing := &networks.NotFound{Name: "wbe", Names: []string{"bridge", "web"}}
	if err := nearNetwork(missing); !strings.Contains(err.Error(), `no such network: "wbe", did you mean "web"?`) || !strings.HasSuffix(err.Error(), "or coracle network create wbe") {
		t.Error(err)
	}
	far := &networks.NotFound{Name: "nonsense", Names: []string{"bridge", "web"}}
	if err := nearNetwork(far); err.Error() != far.Error() {
		t.Error(err)
	}
	if err := nearNetwork(&networks.NotFound{Name: "slrip"}, "slirp"); !strings.Contains(err.Error(), `"slirp"`) {
		t.Error(err)
	}
	other := errors.New("x")
	if nearNetwork(other) != other || nearNetwork(nil) != nil {
		t.Error("another error is changed")
	}
}

func TestAttachedFilter(t *testing.T) {
	in := attached(func() map[string][]*networks.Network {
		return map[string][]*networks.Network{"1": {sampleNetwork(), networks.Default()}}
	})
	one := &containers.Container{Dir: &storage.Dir{ID: "1"}, Intent: containers.Intent{Network: "web"}}
	two := &containers.Container{Dir: &storage.Dir{ID: "2"}, Intent: containers.Intent{Network: "host"}}
	for _, c := range []struct {
		value    string
		one, two bool
	}{{"web", true, false}, {"bridge", true, false}, {"abab", true, false}, {"host", false, true}, {"", false, false}, {"we", false, false}} {
		if fits := in.filter(c.value); fits(one) != c.one || fits(two) != c.two {
			t.Errorf("%s: %v %v", c.value, fits(one), fits(two))
		}
	}
	if got := strings.Join(in.names("1"), ","); got != "web,bridge" || len(in.names("2")) != 0 || attached(nil).names("1") == nil {
		t.Error(got)
	}
}
