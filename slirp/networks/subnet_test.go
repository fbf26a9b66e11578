package networks

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func subnet(prefix, gateway, rng string) Subnet {
	s := Subnet{Prefix: netip.MustParsePrefix(prefix)}
	if gateway != "" {
		s.Gateway = netip.MustParseAddr(gateway)
	}
	if first, last, ok := strings.Cut(rng, "-"); ok {
		s.First, s.Last = netip.MustParseAddr(first), netip.MustParseAddr(last)
	}
	return s
}

func TestCheckSubnets(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []Subnet
		want string // gateways, or what the error says
	}{
		{"gateway", []Subnet{subnet("10.1.2.0/24", "", "")}, "10.1.2.0/24=10.1.2.1"},
		{"host bits", []Subnet{subnet("10.1.2.77/24", "10.1.2.254", "")}, "10.1.2.0/24=10.1.2.254"},
		{"order", []Subnet{subnet("fd00:1::/64", "", ""), subnet("10.1.2.0/30", "", "")}, "10.1.2.0/30=10.1.2.1 fd00:1::/64=fd00:1::1"},
		{"range", []Subnet{subnet("10.1.2.0/24", "", "10.1.2.128-10.1.2.255")}, "10.1.2.0/24=10.1.2.1"},
		{"too small", []Subnet{subnet("10.1.2.0/31", "", "")}, "/8 to /30"},
		{"too large", []Subnet{subnet("0.0.0.0/0", "", "")}, "/8 to /30"},
		{"too small, IPv6", []Subnet{subnet("fd00::/127", "", "")}, "/32 to /126"},
		{"loopback", []Subnet{subnet("127.5.0.0/16", "", "")}, "meaning of their own"},
		{"multicast", []Subnet{subnet("224.0.0.0/24", "", "")}, "meaning of their own"},
		{"this network", []Subnet{subnet("0.5.0.0/16", "", "")}, "meaning of their own"},
		{"link local", []Subnet{subnet("fe80::/64", "", "")}, "meaning of their own"},
		{"mapped", []Subnet{subnet("::ffff:10.0.0.0/120", "", "")}, "is wanted"},
		{"two of a family", []Subnet{subnet("10.1.2.0/24", "", ""), subnet("10.1.3.0/24", "", "")}, "second of its family"},
		{"gateway elsewhere", []Subnet{subnet("10.1.2.0/24", "10.1.3.1", "")}, "gateway 10.1.3.1"},
		{"gateway is the network", []Subnet{subnet("10.1.2.0/24", "10.1.2.0", "")}, "gateway 10.1.2.0"},
		{"gateway is broadcast", []Subnet{subnet("10.1.2.0/24", "10.1.2.255", "")}, "gateway 10.1.2.255"},
		{"gateway of the other family", []Subnet{subnet("10.1.2.0/24", "fd00::1", "")}, "gateway fd00::1"},
		{"range elsewhere", []Subnet{subnet("10.1.2.0/24", "", "10.1.3.0-10.1.3.9")}, "range"},
		{"range backwards", []Subnet{subnet("10.1.2.0/24", "", "10.1.2.9-10.1.2.5")}, "range"},
		{"range of the gateway", []Subnet{subnet("10.1.2.0/24", "", "10.1.2.1-10.1.2.1")}, "nothing but the gateway"},
	} {
		list, err := checkSubnets(c.in)
		var words []string
		for _, s := range list {
			words = append(words, s.Prefix.String()+"="+s.Gateway.String())
		}
		got := strings.Join(words, " ")
		if err != nil {
			if got = err.Error(); !errors.Is(err, ErrInvalid) || !strings.Contains(got, c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestLast(t *testing.T) {
	for in, want := range map[string]string{
		"10.1.2.0/24": "10.1.2.255", "10.1.2.128/30": "10.1.2.131", "10.0.0.0/8": "10.255.255.255", "10.1.0.0/17": "10.1.127.255",
		"fd00::/126": "fd00::3", "fd00::/64": "fd00::ffff:ffff:ffff:ffff",
	} {
		if got := last(netip.MustParsePrefix(in)).String(); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestRange(t *testing.T) {
	for in, want := range map[string]string{
		"10.1.2.0/24 10.1.2.128/25": "10.1.2.128-10.1.2.255 10.1.2.128/25", "10.1.2.0/24 10.1.2.9-10.1.2.20": "10.1.2.9-10.1.2.20 ", "10.1.2.0/24 10.1.2.5-10.1.2.5": "10.1.2.5-10.1.2.5 10.1.2.5/32",
		"fd00::/64 fd00::100/120": "fd00::100-fd00::1ff fd00::100/120", "10.1.2.0/24 10.1.2.0/24": "10.1.2.0-10.1.2.255 10.1.2.0/24",
	} {
		prefix, word, _ := strings.Cut(in, " ")
		first, end, err := ParseRange(word)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		s := Subnet{Prefix: netip.MustParsePrefix(prefix), First: first, Last: end}
		got := first.String() + "-" + end.String() + " "
		if p, ok := s.Range(); ok {
			got += p.String()
		}
		if got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	for _, bad := range []string{"", "10.1.2.0", "10.1.2.1-", "10.1.2.1-fd00::1", "-", "::ffff:10.0.0.0/120", "10.1.2.0/33"} {
		if _, _, err := ParseRange(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if p, ok := (&Subnet{Prefix: netip.MustParsePrefix("10.1.2.0/24")}).Range(); ok {
		t.Error(p)
	}
}

func TestContains(t *testing.T) {
	n := &Network{Name: "web", Subnets: []Subnet{subnet("10.1.2.0/24", "10.1.2.1", "")}}
	for in, want := range map[string]string{
		"10.1.2.2": "", "10.1.2.254": "", "10.1.2.0": "stands for", "10.1.2.255": "stands for", "10.1.2.1": "gateway", "10.1.3.1": "not in the subnet",
		"fd00::2": "no IPv6 subnet",
	} {
		err := n.Contains(netip.MustParseAddr(in))
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", in, err)
		}
	}
	n.Subnets = []Subnet{subnet("fd00::/64", "fd00::1", "")}
	if err := n.Contains(netip.MustParseAddr("fd00::ffff:ffff:ffff:ffff")); err != nil {
		t.Error(err)
	}
	if err := n.Contains(netip.MustParseAddr("10.1.2.2")); err == nil {
		t.Error("IPv4 in a network of IPv6")
	}
}

func TestChosenSubnets(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	routes := func() ([]Route, error) {
		return []Route{{netip.MustParsePrefix("10.89.0.0/23"), "eth0"}, {netip.MustParsePrefix("10.89.3.128/25"), "wg0"}, {netip.MustParsePrefix("fd00::/9"), "eth0"}}, nil
	}
	var got []string
	for _, p := range []Params{
		{Name: "a"},
		{Name: "b"}, // after what the VPN has
		{Name: "c", Subnets: []Subnet{subnet("10.89.5.0/24", "", "")}},
		{Name: "d"},
		{Name: "e"},
	} {
		n, err := s.create(p, routes)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n.Subnets[0].Prefix.String())
	}
	if want := []string{"10.89.2.0/24", "10.89.4.0/24", "10.89.5.0/24", "10.89.6.0/24", "10.89.7.0/24"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	six, err := s.create(Params{Name: "six", IPv6: true}, routes)
	if err != nil || len(six.Subnets) != 2 {
		t.Fatalf("%+v %v", six, err)
	}
	if p := six.Subnets[1].Prefix; p.Bits() != 64 || !netip.MustParsePrefix("fd80::/9").Contains(p.Addr()) || six.Subnets[1].Gateway != p.Addr().Next() {
		t.Errorf("IPv6 %s", p)
	}
	// Given subnets say which families there are; --ipv6 asks for both.
	only, err := s.create(Params{Name: "only", Subnets: []Subnet{subnet("fd99:1::/64", "", "")}}, routes)
	if err != nil || len(only.Subnets) != 1 {
		t.Errorf("%+v %v", only, err)
	}
	both, err := s.create(Params{Name: "both", IPv6: true, Subnets: []Subnet{subnet("fd99:2::/64", "", "")}}, routes)
	if err != nil || len(both.Subnets) != 2 || both.Subnets[0].Prefix.String() != "10.89.9.0/24" {
		t.Errorf("%+v %v", both, err)
	}
	for _, overlapping := range []string{"10.89.2.0/28", "10.88.128.0/24", "10.0.0.0/8"} {
		_, err := s.create(Params{Name: "x", Subnets: []Subnet{subnet(overlapping, "", "")}}, routes)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "overlaps") {
			t.Errorf("%s: %v", overlapping, err)
		}
	}
}

func TestNothingFree(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	full := func() ([]Route, error) {
		return []Route{{netip.MustParsePrefix("10.0.0.0/8"), "eth0"}, {netip.MustParsePrefix("fd00::/8"), "eth0"}}, nil
	}
	if _, err := s.create(Params{Name: "a"}, full); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "--subnet") {
		t.Error(err)
	}
	if _, err := s.create(Params{Name: "a", IPv6: true, Subnets: []Subnet{subnet("192.168.9.0/24", "", "")}}, full); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "--subnet fd") {
		t.Error(err)
	}
	broken := errors.New("no /proc")
	if _, err := s.create(Params{Name: "a"}, func() ([]Route, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for _, good := range []string{"web", "a", "my_app-1.default", "0", strings.Repeat("x", maxName)} {
		if err := CheckName(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", ".a", "a/b", "a b", "a:b", "a,b", "ü", strings.Repeat("x", maxName+1), "a\n"} {
		if err := CheckName(bad); !errors.Is(err, ErrInvalid) || errors.Is(err, ErrReserved) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, word := range reserved() {
		if err := CheckName(word); !errors.Is(err, ErrReserved) || !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", word, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"mtu", "1400", "1400"}, {OptionMTUDocker, "0900", "900"}, {"mtu", "67", "!"}, {"mtu", "x", "!"}, {"mtu", "65536", "!"},
		{"isolate", "true", ""}, {"isolate", "strict", ""}, {"isolate", "false", "!"}, {"com.docker.network.bridge.enable_icc", "", ""}, {"com.docker.network.bridge.enable_ip_masquerade", "true", ""}, {"com.docker.network.bridge.enable_ip_masquerade", "false", "!"}, {"vlan", "1", "!"},
	} {
		out, err := ParseOptions(map[string]string{c.key: c.value})
		if (err != nil) != (c.want == "!") || err == nil && out[OptionMTU] != c.want || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s=%s: %v %v", c.key, c.value, out, err)
		}
	}
	if _, err := (Store{Dir: t.TempDir()}).create(Params{Name: "a", Driver: "macvlan"}, noRoutes); !errors.Is(err, ErrInvalid) {
		t.Errorf("macvlan: %v", err)
	}
}
