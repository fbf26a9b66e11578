package launcher

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/launcher/usernet"
	"coracle/slirp/networks"
	"coracle/userns/tape"
)

// member is a place in a network without anything behind it.
func member(name, iface string, internal bool, subnets ...string) *usernet.Membership {
	m := &usernet.Membership{Network: &networks.Network{Name: name, Internal: internal, DNS: true}}
	m.Interface = iface
	for _, s := range subnets {
		p := netip.MustParsePrefix(s)
		m.Network.Subnets = append(m.Network.Subnets, networks.Subnet{Prefix: p, Gateway: p.Addr().Next()})
		if a := p.Addr().Next().Next(); a.Is4() {
			m.IP4 = a
		} else {
			m.IP6 = a
		}
	}
	return m
}

// TestWay: which network the way out belongs to.
func TestWay(t *testing.T) {
	deep, red, blue := member("deep", "eth0", true), member("red", "eth1", false), member("blue", "eth2", false)
	for name, c := range map[string]struct {
		n    *networking
		want *usernet.Membership
	}{
		"none":                 {&networking{}, nil},
		"the first":            {&networking{members: []*usernet.Membership{red, blue}}, red},
		"the first that leads": {&networking{members: []*usernet.Membership{deep, blue, red}}, blue},
		"only internal":        {&networking{members: []*usernet.Membership{deep}}, deep},
		"its own":              {&networking{alone: true, members: []*usernet.Membership{red}}, nil},
	} {
		if got := c.n.way(); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestPlaceOf: name servers that resolv.conf names stay ones, whichever network the
// way out belongs to.
func TestPlaceOf(t *testing.T) {
	red, blue := member("red", "eth0", false, "10.1.0.0/24", "fd01::/64"), member("blue", "eth1", true, "10.2.0.0/24")
	n := networking{members: []*usernet.Membership{red, blue}}
	p := n.place(red)
	if p.Address4.String() != "10.1.0.2/24" || p.Gateway4.String() != "10.1.0.1" || p.Address6.String() != "fd01::2/64" || p.Internal {
		t.Errorf("%+v", p)
	}
	if len(p.Formerly) != 1 || p.Formerly[0].String() != "10.2.0.1" {
		t.Errorf("name servers besides the gateway: %v", p.Formerly)
	}
	n.members = []*usernet.Membership{blue}
	p = n.place(blue)
	if p.Address4.String() != "10.2.0.2/24" || p.Address6.IsValid() || p.Gateway6.IsValid() || !p.Internal {
		t.Errorf("%+v", p)
	}
	if len(p.Formerly) != 2 || p.Formerly[0].String() != "10.1.0.1" || p.Formerly[1].String() != "fd01::1" {
		t.Errorf("name servers of before: %v", p.Formerly)
	}
}

func TestFreeInterface(t *testing.T) {
	n := networking{members: []*usernet.Membership{member("red", "eth0", false), member("blue", "up0", false)}}
	if got := n.freeInterface(nil); got != "eth1" {
		t.Error(got)
	}
	if got := n.freeInterface([]intent.Attachment{{Network: "green", Interface: "eth1"}}); got != "eth2" {
		t.Error(got)
	}
}

// TestOwnsNetwork: the host's and another container's network are not changed.
func TestOwnsNetwork(t *testing.T) {
	own, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	other, err := os.Open("/proc/self/ns/uts") // any other namespace
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s := &supervisor{}
	if s.ownsNetwork(int(own.Fd())) {
		t.Error("the host's passes for the container's")
	}
	if !s.ownsNetwork(int(other.Fd())) {
		t.Error("its own is not the container's")
	}
	s.req.Plan.Joins = []plan.Join{{Type: specs.NetworkNamespace}}
	if s.ownsNetwork(int(other.Fd())) {
		t.Error("another container's passes for this one's")
	}
}

// TestPlugRequest: what cannot be done is said, whatever is asked.
func TestPlugRequest(t *testing.T) {
	r := newResident(t)
	asked, err := json.Marshal(intent.Attachment{Network: "red"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		k       kind
		payload string
		want    string
	}{
		{msgConnect, "{", errRequest.Error()},
		{msgConnect, string(asked), ErrNotRunning.Error()}, // no network was ever connected
		{msgDisconnect, "red", ErrNotRunning.Error()},
	} {
		if k, text, _ := answer(t, r, c.k, v1+c.payload); k != msgFailed || !strings.Contains(text, c.want) {
			t.Errorf("%q %s: %q %s", byte(c.k), c.payload, byte(k), text)
		}
	}
}

// TestOtherBase: the supervisor's word for it arrives as what it is.
func TestOtherBase(t *testing.T) {
	err := failure(failureOf(memberError(usernet.ErrOtherBase)))
	if !errors.Is(err, errOtherBase) || !strings.HasPrefix(err.Error(), usernet.ErrOtherBase.Error()) {
		t.Errorf("%v", err)
	}
	if err := failure(failureOf(memberError(usernet.ErrFull))); errors.Is(err, errOtherBase) || !strings.Contains(err.Error(), "network is full") {
		t.Errorf("%v", err)
	}
}

func TestSetsForwarding(t *testing.T) {
	open := func(call tape.Call, name string) []tape.Op {
		return []tape.Op{{Call: tape.Close}, {Call: call, Args: []tape.Arg{tape.Int(3), tape.Str(name)}}}
	}
	for name, want := range map[string]bool{
		"sys/net/ipv4/ip_forward": true, "sys/net/ipv4/conf/all/forwarding": true, "sys/net/ipv4/ip_default_ttl": false, "sys/net/ipv4/ip_forward_": false,
	} {
		if setsForwarding(open(tape.Openat2, name)) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if setsForwarding(open(tape.Write, "sys/net/ipv4/ip_forward")) || setsForwarding(nil) {
		t.Error("what is no opening")
	}
}
