package bridge

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
)

func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

// protect gives the first container its table: 8080 leads to 80, 5353 to 53.
func protect(t *testing.T) *nft.Conn {
	t.Helper()
	c, err := Protect(subnets, Member{ID: strings.Repeat("a", 64), Addresses: []netip.Addr{addr(one4), addr(one6)}, Ports: []Port{
		{Protocol: unix.IPPROTO_TCP, HostPort: 8080, ContainerPort: 80}, {Protocol: unix.IPPROTO_UDP, HostPort: 5353, ContainerPort: 53},
		{Protocol: unix.IPPROTO_TCP, HostIP: addr("127.0.0.1"), HostPort: 7070, ContainerPort: 80},
		{Protocol: unix.IPPROTO_TCP, HostIP: addr("192.0.2.1"), HostPort: 9090, ContainerPort: 80},
		{Protocol: unix.IPPROTO_TCP, HostIP: addr("0.0.0.0"), HostPort: 4040, ContainerPort: 80},
		{Protocol: unix.IPPROTO_TCP, HostIP: addr("::"), HostPort: 6060, ContainerPort: 80},
	}})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// TestReach: who reaches whom, and as whom.
func TestReach(t *testing.T) {
	if !again(t) {
		return
	}
	const host = -1
	w := newWorld(t)
	forward(t)
	protect(t)
	for ns, list := range map[int][]string{w.one: {"80", "53"}, w.two: {"80"}, w.peer: {"80", "53"}, host: {"22", "80", "53"}} {
		for _, port := range list {
			serve(t, ns, "tcp", ":"+port)
			serve(t, ns, "udp", ":"+port)
		}
	}
	serve(t, host, "tcp", "127.0.0.1:7070")
	tests := []struct {
		about   string
		from    int
		network string
		to      string
		seen    string // empty: not at all
	}{
		{"out", w.one, "tcp", "192.0.2.2:80", "192.0.2.1"},
		{"out over IPv6", w.one, "tcp", "[2001:db8::2]:80", "2001:db8::1"},
		{"out by UDP", w.two, "udp", "192.0.2.2:53", "192.0.2.1"},
		{"each other", w.two, "tcp", one4 + ":80", two4},
		{"each other over IPv6", w.two, "tcp", "[" + one6 + "]:80", "fd00:88::3"},
		{"from the host", host, "tcp", one4 + ":80", hostSide4},
		{"from the host over IPv6", host, "udp", "[" + one6 + "]:80", hostSide6},
		{"published", w.peer, "tcp", "192.0.2.1:8080", "192.0.2.2"},
		{"published over IPv6", w.peer, "tcp", "[2001:db8::1]:8080", "2001:db8::2"},
		{"published UDP", w.peer, "udp", "192.0.2.1:5353", "192.0.2.2"},
		{"published UDP over IPv6", w.peer, "udp", "[2001:db8::1]:5353", "2001:db8::2"},
		{"published on an address", w.peer, "tcp", "192.0.2.1:9090", "192.0.2.2"},
		{"published on 0.0.0.0", w.peer, "tcp", "192.0.2.1:4040", "192.0.2.2"},
		{"published on 0.0.0.0, asked over IPv6", w.peer, "tcp", "[2001:db8::1]:4040", ""},
		{"published on ::", w.peer, "tcp", "[2001:db8::1]:6060", "2001:db8::2"},
		{"published on ::, asked over IPv4", w.peer, "tcp", "192.0.2.1:6060", ""},
		{"published, from another container", w.two, "tcp", "192.0.2.1:8080", hostSide4},
		{"published, from itself", w.one, "tcp", "192.0.2.1:8080", hostSide4},
		{"published on 127.0.0.1 only", w.peer, "tcp", "192.0.2.1:7070", ""},
		{"not published", w.peer, "tcp", one4 + ":80", ""},
		{"not published, IPv6", w.peer, "tcp", "[" + one6 + "]:80", ""},
		{"the host's own port", w.peer, "tcp", "192.0.2.1:22", "192.0.2.2"},
		{"the host", w.one, "tcp", hostSide4 + ":22", ""},
		{"the host's other address", w.one, "tcp", "192.0.2.1:22", ""},
		{"the host over IPv6", w.one, "tcp", "[" + hostSide6 + "]:22", ""},
		{"the host by UDP", w.one, "udp", "192.0.2.1:53", ""},
		{"the host's link-local address", w.one, "udp", "[fe80::1%eth0]:53", ""},
	}
	for _, x := range tests {
		patience := long
		if x.seen == "" {
			patience = short
		}
		seen, err := ask(t, x.from, x.network, x.to, patience)
		if seen != x.seen || (err == nil) != (x.seen != "") {
			t.Errorf("%s: %s %s: seen as %q, %v", x.about, x.network, x.to, seen, err)
		}
	}
	if _, err := ask(t, w.one, "tcp", "192.0.2.1:22", long); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a closed port of the host's is not refused at once: %v", err)
	}
}

// TestCVE2020_8558: a neighbour reaches nothing that listens at 127.0.0.1, nor what
// is published there.
func TestCVE2020_8558(t *testing.T) {
	if !again(t) {
		return
	}
	w := newWorld(t)
	forward(t)
	protect(t)
	serve(t, w.one, "tcp", ":80")
	for _, port := range []string{"7070", "8080", "22"} {
		serve(t, -1, "tcp", "127.0.0.1:"+port)
	}
	attack := func(ns int, port string, patience time.Duration) (seen string, err error) {
		return ask(t, ns, "tcp", "127.0.0.1:"+port, patience)
	}
	for ns, gateway := range map[int]string{w.peer: "192.0.2.1", w.two: hostSide4} {
		in(t, ns, func() error {
			must(t, os.WriteFile(sysctls+"ipv4/conf/eth0/route_localnet", []byte("1"), 0))
			return nil
		})
		run(t, ns, "ip address del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via "+gateway)
		for _, port := range []string{"7070", "8080", "22"} {
			if seen, err := attack(ns, port, short); err == nil {
				t.Errorf("port %s of 127.0.0.1 is reached, as %s", port, seen)
			}
		}
	}
	for _, d := range []string{"all", "default", Device, "ext0"} {
		if b, err := os.ReadFile(sysctls + "ipv4/conf/" + d + "/route_localnet"); err != nil || string(b) != "0\n" {
			t.Errorf("route_localnet of %s is %q, %v", d, b, err)
		}
	}
	// The attack is a real one: with docker's setting it succeeds.
	must(t, os.WriteFile(sysctls+"ipv4/conf/ext0/route_localnet", []byte("1"), 0))
	if seen, err := attack(w.peer, "22", long); err != nil || seen != "192.0.2.2" {
		t.Errorf("the attack does not work, even where it should: %q, %v", seen, err)
	}
}
