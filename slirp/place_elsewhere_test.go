package slirp

import (
	"net/netip"
	"strings"
	"testing"
)

// TestPlaceElsewhere: where another device is the way out, this one leads to the
// gateway alone, for names and for what is open of the host; whoever connects by it
// is the gateway.
func TestPlaceElsewhere(t *testing.T) {
	if !again(t) {
		return
	}
	at := place()
	at.Elsewhere = true
	c := inNetwork(t, at)
	says(t, "127.0.0.1:5432", "database")
	for _, test := range []struct{ script, want string }{
		{"ip route get 10.89.0.1", "dev tap0  src 10.89.0.5"},
		{"ip -6 route get fd00:89::1", "dev tap0"},
		{"ip route get 203.0.113.5 2>&1", "unreachable"},
		{"nc 10.89.0.1 5432 </dev/null", "database\n"},
	} {
		if out, _ := c.sh(test.script); !strings.Contains(out, test.want) {
			t.Errorf("%s: %q, want %q", test.script, out, test.want)
		}
	}
	for client, want := range map[string]string{
		"192.0.2.9:1000": "10.89.0.1:1000", "127.0.0.1:7": "10.89.0.1:7", "[2001:db8::9]:1000": "[fd00:89::1]:1000",
	} {
		if seen := c.seen(netip.MustParseAddrPort(client)); seen.String() != want {
			t.Errorf("%s is seen as %s, want %s", client, seen, want)
		}
	}
}
