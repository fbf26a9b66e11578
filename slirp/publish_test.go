package slirp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSeen: the container can answer to the address by which it sees a client.
func TestSeen(t *testing.T) {
	four, six, both := place(), place(), place()
	four.Address6, four.Gateway6 = netip.Prefix{}, netip.Addr{}
	six.Address4, six.Gateway4 = netip.Prefix{}, netip.Addr{}
	elsewhere := six
	elsewhere.Elsewhere = true
	const client4, client6, own4, own6 = "192.0.2.9:1000", "[2001:db8::9]:1000", "192.0.2.1:1000", "[2001:db8::1]:1000"
	const gateway4, gateway6 = "10.89.0.1:1000", "[fd00:89::1]:1000"
	host := hostAddresses{count: map[netip.Addr]int{netip.MustParseAddr("192.0.2.1"): 1, netip.MustParseAddr("2001:db8::1"): 1}}
	for _, test := range []struct {
		name         string
		at           Place
		hide         bool
		client, want string
	}{
		{"both", both, false, client4, client4},
		{"both", both, false, client6, client6},
		{"both", both, false, own4, gateway4},
		{"both", both, false, own6, gateway6},
		{"both", both, false, "127.0.0.1:1000", gateway4},
		{"both", both, false, "[fe80::9]:1000", gateway6},
		{"both", both, false, "[::ffff:192.0.2.9]:1000", client4},
		{"hidden", both, true, client4, gateway4},
		{"hidden", both, true, client6, gateway6},
		{"IPv4 only", four, false, client6, gateway4},
		{"IPv4 only", four, false, client4, client4},
		{"IPv6 only", six, false, client4, gateway6},
		{"IPv6 only", six, false, "[::ffff:192.0.2.9]:1000", gateway6},
		{"IPv6 only", six, false, "127.0.0.1:1000", gateway6},
		{"IPv6 only", six, false, client6, client6},
		{"IPv6 only, elsewhere", elsewhere, false, client4, gateway6},
		{"IPv6 only, elsewhere", elsewhere, false, client6, gateway6},
	} {
		n := Network{Plan: test.at.plan(), host: &host, elsewhere: test.at.Elsewhere, published: published{hide: test.hide}}
		if seen := n.seen(netip.MustParseAddrPort(test.client)); seen.String() != test.want {
			t.Errorf("%s: %s is seen as %s, want %s", test.name, test.client, seen, test.want)
		}
	}
}

// TestPublishedIPv6Only: who comes over IPv4 reaches a container that has none, or
// is told that nobody listens there.
func TestPublishedIPv6Only(t *testing.T) {
	if !again(t) {
		return
	}
	at := place()
	at.Address4, at.Gateway4 = netip.Prefix{}, netip.Addr{}
	c := inNetwork(t, at)
	there, nobody := listenTest(t, "0:80"), listenTest(t, "0:9")
	c.Publish(there)
	c.Publish(nobody)
	if _, seen := seenAt(t, "127.0.0.1", there.HostPort); !strings.HasPrefix(seen, "fd00:89::1:") && !strings.HasPrefix(seen, "[fd00:89::1]:") {
		t.Errorf("the client is seen as %q", seen)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", nobody.HostPort))
	if err == nil { // it may come before that
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	if !errors.Is(err, unix.ECONNRESET) {
		t.Error(err)
	}
}
