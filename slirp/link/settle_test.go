package link

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSettle: when it returns, the kernel's workers have done what they had to.
func TestSettle(t *testing.T) {
	if !again(t) {
		return
	}
	other, err := New(func(*Conn) error { return nil })
	must(t, err)
	c, err := Dial()
	must(t, err)
	defer c.Close()
	must(t, c.AddVeth(Veth{Name: "v0", Peer: "eth0", PeerNS: other}))
	a := netip.MustParsePrefix("fd00:1::5/64")
	must(t, In(other, func(c *Conn) error {
		index, err := c.Index("eth0")
		must(t, err)
		must(t, c.AddAddress(index, a))
		must(t, c.Up(index, 0))
		return nil
	}))
	index, err := c.Index("v0")
	must(t, err)
	must(t, c.Up(index, 0))
	must(t, c.Settle(index))
	state, err := os.ReadFile("/proc/thread-self/net/dev")
	must(t, err)
	if !strings.Contains(string(state), "v0:") {
		t.Errorf("no v0 here:\n%s", state)
	}
	request, err := unix.NewIfreq("v0")
	must(t, err)
	must(t, unix.IoctlIfreq(c.fd, unix.SIOCGIFFLAGS, request))
	if request.Uint16()&unix.IFF_RUNNING == 0 {
		t.Error("it does not run")
	}
	must(t, In(other, func(c *Conn) error {
		must(t, c.SettleAddress(a.Addr()))
		must(t, c.SettleAddress(netip.Addr{})) // there is nothing to wait for
		routes, err := os.ReadFile("/proc/thread-self/net/ipv6_route")
		must(t, err)
		if !strings.Contains(string(routes), "fd000001000000000000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000") {
			t.Errorf("no local route:\n%s", routes)
		}
		return nil
	}))
}
