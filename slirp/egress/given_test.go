package egress

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestGiven(t *testing.T) {
	p, err := Parse([]string{"www.example:443,*.cdn.example:80/tcp,quic.example/udp"})
	if err != nil {
		t.Fatal(err)
	}
	var g Given
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	check := func(protocol, to string, want bool) {
		t.Helper()
		if g.Allows(now, p, protocol, netip.MustParseAddrPort(to)) != want {
			t.Errorf("at %v %s %s: %v", now.Format("04:05"), protocol, to, !want)
		}
	}
	note := func(name, a string, ttl time.Duration) { g.Note(now, name, netip.MustParseAddr(a), ttl) }

	check("tcp", "1.2.3.4:443", false)
	note("www.example", "1.2.3.4", 5*time.Second)
	check("tcp", "1.2.3.4:443", true)
	check("udp", "1.2.3.4:443", true)
	check("tcp", "1.2.3.4:80", false)
	check("tcp", "1.2.3.5:443", false)
	note("a.cdn.example", "1.2.3.4", 5*time.Minute) // two names, one address
	check("tcp", "1.2.3.4:443", true)
	check("tcp", "1.2.3.4:80", true)
	check("udp", "1.2.3.4:80", false)
	if g.Name(netip.MustParseAddr("1.2.3.4")) != "a.cdn.example" || g.Name(netip.MustParseAddr("1.2.3.5")) != "" {
		t.Error("the name that an address was given for")
	}

	// Names that may be asked for and open nothing; addresses that a name may not open.
	note("other.example", "1.2.3.6", time.Hour)
	check("tcp", "1.2.3.6:443", false)
	for _, a := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::10.0.0.1", "fe80::1"} {
		note("www.example", a, time.Hour)
		check("tcp", netip.AddrPortFrom(netip.MustParseAddr(a), 443).String(), false)
	}

	// A short time is a minute, and some more; exchanges that go on may go on.
	note("quic.example", "1.2.3.7", 0)
	check("udp", "1.2.3.7:443", true)
	now = now.Add(leastTime - time.Second)
	check("tcp", "1.2.3.4:443", true)
	now = now.Add(2 * time.Second)
	check("tcp", "1.2.3.4:443", false)
	check("tcp", "1.2.3.4:80", true)
	check("udp", "1.2.3.7:443", true)
	check("udp", "1.2.3.7:444", false) // another one does not begin
	now = now.Add(sessionTime - time.Second)
	check("udp", "1.2.3.7:443", true)
	now = now.Add(sessionTime + time.Second)
	check("udp", "1.2.3.7:443", false)
	check("tcp", "1.2.3.4:80", false)

	// A longer time is not made shorter by the next answer.
	note("www.example", "1.2.3.4", 10*time.Minute)
	note("www.example", "1.2.3.4", 5*time.Second)
	now = now.Add(10 * time.Minute)
	check("tcp", "1.2.3.4:443", true)
	note("www.example", "1.2.3.4", 1<<40*time.Nanosecond<<10)
	now = now.Add(mostTime + time.Second)
	check("tcp", "1.2.3.4:443", false)
}

// Whatever a container asks for, the table stays small, and what is new is in it.
func TestGivenBounds(t *testing.T) {
	p, err := Parse([]string{"*.example"})
	if err != nil {
		t.Fatal(err)
	}
	var g Given
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i := range 3 * mostAddrs {
		a := netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)})
		g.Note(now, "a.example", a, time.Hour)
		if !g.Allows(now, p, "udp", netip.AddrPortFrom(a, 443)) {
			t.Fatalf("the %dth is not open", i)
		}
	}
	one := netip.MustParseAddr("1.2.3.4")
	for i := range 100 {
		g.Note(now, fmt.Sprintf("n%d.example", i), one, time.Hour)
	}
	if len(g.all) > mostAddrs || len(g.sessions) > mostSessions || len(g.all[one]) > mostNames {
		t.Errorf("%d addresses, %d exchanges, %d names of one", len(g.all), len(g.sessions), len(g.all[one]))
	}
	if g.Name(one) != "n99.example" {
		t.Errorf("the last name is %q", g.Name(one))
	}
	// What is over makes room before anything else does.
	now = now.Add(30 * time.Minute)
	kept := netip.MustParseAddr("9.9.9.9")
	g.Note(now, "a.example", kept, time.Hour)
	now = now.Add(40 * time.Minute)
	for i := range mostAddrs - 1 {
		g.Note(now, "a.example", netip.AddrFrom4([4]byte{2, 0, byte(i >> 8), byte(i)}), time.Hour)
	}
	if !g.Allows(now, p, "tcp", netip.AddrPortFrom(kept, 443)) {
		t.Error("an address that was still open went for one that was not")
	}
}
