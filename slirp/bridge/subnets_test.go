package bridge

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"coracle/slirp/networks"
)

func route(device, prefix string) networks.Route {
	return networks.Route{Device: device, Prefix: netip.MustParsePrefix(prefix)}
}

func TestSubnets(t *testing.T) {
	id := [5]byte{1, 2, 3, 4, 5}
	const ula = "fd01:203:405:58::/64"
	var all []networks.Route
	for second := lastChoice; second <= firstChoice; second++ {
		all = append(all, networks.Route{Device: "vpn", Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second), 3}), 24)})
	}
	tests := []struct {
		about     string
		routes    []networks.Route
		six       bool
		want4     string
		want6     string
		wantError error
	}{
		{"free", nil, true, "10.88.0.0/16", ula, nil},
		{"no IPv6", nil, false, "10.88.0.0/16", "", nil},
		{"podman's", []networks.Route{route("podman0", "10.88.0.0/16"), route("eth0", "10.87.4.0/24")}, false, "10.86.0.0/16", "", nil},
		{"there already", []networks.Route{route(Device, "10.70.0.0/16"), route(Device, "fe80::/64"), route(Device, "fd77::/64"), route("vpn", "10.0.0.0/8")}, true, "10.70.0.0/16", "fd77::/64", nil},
		{"there already, without IPv6", []networks.Route{route(Device, "10.88.0.0/16")}, true, "10.88.0.0/16", "", nil},
		{"IPv6 taken", []networks.Route{route("wg0", "fd01:203::/32")}, true, "10.88.0.0/16", "", nil},
		{"full", all, true, "", "", ErrNoSubnet},
	}
	for _, x := range tests {
		four, six, err := choose(x.routes, x.six, id)
		if !errors.Is(err, x.wantError) {
			t.Errorf("%s: %v", x.about, err)
		}
		for want, have := range map[string]networks.Subnet{x.want4: four, x.want6: six} {
			if want == "" {
				if err == nil && x.want6 == "" && six.Prefix.IsValid() {
					t.Errorf("%s: %+v", x.about, six)
				}
				continue
			}
			if have.Prefix != netip.MustParsePrefix(want) {
				t.Errorf("%s: %s, want %s", x.about, have.Prefix, want)
			}
		}
	}
}

func TestSubnetRoles(t *testing.T) {
	for p, want := range map[string][4]string{
		"10.88.0.0/16": {"10.88.0.1", "10.88.0.2", "10.88.255.253", "10.88.255.254"},
		"fd00:88::/64": {"fd00:88::1", "fd00:88::2", "fd00:88::fffd", "fd00:88::fffe"},
	} {
		s := subnet(netip.MustParsePrefix(p))
		have := [4]string{s.Gateway.String(), s.First.String(), s.Last.String(), HostSide(s.Prefix).Addr().String()}
		if have != want {
			t.Errorf("%s: %q, want %q", p, have, want)
		}
	}
}

func TestHasIPv6(t *testing.T) {
	const local = "fe80000000000000000000000000001a 02 40 20 80 eth0\n00000000000000000000000000000001 01 80 10 80 lo\n"
	for text, want := range map[string]bool{
		"": false, local: false, local + "fd000088000000000000000000000001 09 40 00 80 coracle0\n": false,
		local + "20010db8000000000000000000000001 02 40 00 80 eth0\n": true,
	} {
		if have := hasIPv6(func(string) ([]byte, error) { return []byte(text), nil }); have != want {
			t.Errorf("%q: %v", text, have)
		}
	}
	if hasIPv6(func(string) ([]byte, error) { return nil, os.ErrNotExist }) {
		t.Error("a host without IPv6 has it")
	}
}

func TestGlobalID(t *testing.T) {
	machine := func(id string) [5]byte {
		return globalID(func(path string) ([]byte, error) {
			if path == "/etc/machine-id" && id == "" {
				return nil, os.ErrNotExist
			}
			return []byte(id), nil
		})
	}
	if a, once := machine("a"), machine("a"); a == machine("b") || a != once || a == machine("") {
		t.Error("not the machine's own")
	}
}
