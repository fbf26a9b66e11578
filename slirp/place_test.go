package slirp

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"coracle/slirp/link"
)

// inNetwork is a container that has its addresses on eth0, as in a network with
// others.
func inNetwork(t *testing.T, p Place) *container {
	return newContainerAt(t, "", func(ns int, o *Options) {
		err := link.In(ns, func(c *link.Conn) error {
			if err := c.AddBridge(link.Bridge{Name: "eth0"}); err != nil {
				return err
			}
			index, err := c.Index("eth0")
			if err != nil {
				return err
			}
			for _, a := range []netip.Prefix{p.Address4, p.Address6} {
				if !a.IsValid() {
					continue
				}
				if err := c.AddAddress(index, a); err != nil {
					return err
				}
			}
			return c.Up(index, 0)
		})
		if err != nil {
			t.Fatal(err)
		}
		o.At(p)
	})
}

func place() Place {
	return Place{
		Address4: netip.MustParsePrefix("10.89.0.5/24"), Gateway4: netip.MustParseAddr("10.89.0.1"),
		Address6: netip.MustParsePrefix("fd00:89::5/64"), Gateway6: netip.MustParseAddr("fd00:89::1"),
	}
}

// TestPlace: a container in a shared network has the way out that a lone one has,
// by its address in that network.
func TestPlace(t *testing.T) {
	if !again(t) {
		return
	}
	at := place()
	at.Formerly = []netip.Addr{netip.MustParseAddr("10.90.0.1")}
	c := inNetwork(t, at)
	says(t, "127.0.0.1:5432", "database")
	says(t, "[::1]:5432", "database6")
	names(t, "127.0.0.1:53", netip.MustParseAddr("192.0.2.7"))
	if err := os.WriteFile(c.resolv, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ script, want string }{
		{"ip route", "default via 10.89.0.1 dev tap0  src 10.89.0.5"},
		{"ip route get 203.0.113.5", "src 10.89.0.5"},
		{"ip -6 route get 2001:db8::1", "src fd00:89::5"},
		{"ip addr show tap0", "mtu 1500"},
		{"nc 10.89.0.1 5432 </dev/null", "database\n"},
		{"nc fd00:89::1 5432 </dev/null", "database6\n"},
		{"nslookup example.org 10.89.0.1 2>&1", "192.0.2.7"},
		{"nslookup example.org fd00:89::1 2>&1", "192.0.2.7"},
		{"nslookup example.org 10.90.0.1 2>&1", "192.0.2.7"},
		{"nc -w 5 10.89.0.1 5433 </dev/null 2>&1 || echo no", "refused"},
	} {
		if out, err := c.sh(test.script); err != nil || !strings.Contains(out, test.want) {
			t.Errorf("%s: %q, %v, want %q", test.script, out, err, test.want)
		}
	}
	if out, _ := c.sh("ip -4 addr show tap0"); strings.Contains(out, "inet") {
		t.Errorf("the device has an address: %s", out)
	}
}

// TestPlaceInternal: nothing leads out, even for who makes a route himself.
func TestPlaceInternal(t *testing.T) {
	if !again(t) {
		return
	}
	at := place()
	at.Internal = true
	c := inNetwork(t, at)
	says(t, "127.0.0.1:5432", "database")
	for _, script := range []string{"nc -w 5 203.0.113.5 5432", "ip route add default dev tap0; nc -w 5 203.0.113.5 5432", "nc -w 5 10.89.0.1 5432", "nc -w 5 fd00:89::1 5432"} {
		if out, err := c.sh(script + " </dev/null"); err == nil || strings.Contains(out, "database") {
			t.Errorf("%s: %q, %v", script, out, err)
		}
	}
	if out, err := c.sh("ip route del default; ip route; ip -6 route"); err != nil || strings.Contains(out, "default") || !strings.Contains(out, "10.89.0.1 dev tap0") {
		t.Errorf("routes %q, %v", out, err)
	}
}

// TestPlaceFamily: a network of one family has no trace of the other.
func TestPlaceFamily(t *testing.T) {
	if !again(t) {
		return
	}
	at := place()
	at.Address4, at.Gateway4 = netip.Prefix{}, netip.Addr{}
	c := inNetwork(t, at)
	says(t, "[::1]:5432", "database6")
	if out, err := c.sh("nc fd00:89::1 5432 </dev/null"); err != nil || out != "database6\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := c.sh("ip -4 route"); err != nil || out != "" {
		t.Errorf("routes of IPv4 %q, %v", out, err)
	}
}

// TestPlacePlan: what the parts of the program tell the container of addresses.
func TestPlacePlan(t *testing.T) {
	o := Defaults()
	at := place()
	o.At(at)
	p := o.Plan()
	if p.Container4 != at.Address4 || p.Container6 != at.Address6 || p.Gateway4 != at.Gateway4 || p.Gateway6 != at.Gateway6 {
		t.Errorf("%+v", p)
	}
	if p.DNS != [mostServers]netip.Addr{at.Gateway4, at.Gateway6} {
		t.Errorf("name servers %v", p.DNS)
	}
	if o.CIDR4.String() != "10.89.0.0/24" || o.CIDR6.String() != "fd00:89::/64" {
		t.Errorf("networks %s, %s", o.CIDR4, o.CIDR6)
	}
}
