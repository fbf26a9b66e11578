package slirp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// hexOf writes an address as the kernel does.
func hexOf(a netip.Addr) string {
	var s strings.Builder
	for b := a.AsSlice(); len(b) > 0; b = b[4:] {
		fmt.Fprintf(&s, "%08X", binary.NativeEndian.Uint32(b))
	}
	return s.String()
}

func TestHolds(t *testing.T) {
	line := func(address, state string) string {
		a := netip.MustParseAddrPort(address)
		return fmt.Sprintf("   0: %s:%04X 00000000:0000 %s 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0", hexOf(a.Addr()), a.Port(), state)
	}
	port := func(protocol, address string) Port {
		a := netip.MustParseAddrPort(address)
		p := Port{Protocol: protocol, HostIP: a.Addr(), HostPort: a.Port()}
		if a.Addr() == netip.IPv4Unspecified() { // as without an address
			p.HostIP = netip.Addr{}
		}
		return p
	}
	for _, c := range []struct {
		line string
		port Port
		want bool
	}{
		{line("127.0.0.1:8080", "0A"), port("tcp", "127.0.0.1:8080"), true},
		{line("127.0.0.1:8080", "0A"), port("tcp", "0.0.0.0:8080"), true},
		{line("0.0.0.0:8080", "0A"), port("tcp", "127.0.0.1:8080"), true},
		{line("[::]:8080", "0A"), port("tcp", "[::1]:8080"), true},
		{line("[2001:db8::1]:8080", "0A"), port("tcp", "[2001:db8::1]:8080"), true},
		{line("[::ffff:127.0.0.1]:8080", "0A"), port("tcp", "127.0.0.1:8080"), true},
		{line("127.0.0.2:8080", "0A"), port("tcp", "127.0.0.1:8080"), false},
		{line("127.0.0.1:8081", "0A"), port("tcp", "127.0.0.1:8080"), false},
		{line("127.0.0.1:8080", "01"), port("tcp", "127.0.0.1:8080"), false}, // a connection
		{line("127.0.0.1:53", "07"), port("udp", "127.0.0.1:53"), true},
		{"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", port("udp", "127.0.0.1:53"), false},
		{"", port("udp", "127.0.0.1:53"), false},
		{"0: x:35 y 07 1 2 3 4 5 6", port("udp", "127.0.0.1:53"), false},
	} {
		if inode, ok := holds(c.line, c.port); ok != c.want || ok && inode != "4711" {
			t.Errorf("%q for %v: %q, %v", c.line, c.port, inode, ok)
		}
	}
}

func TestHolderOf(t *testing.T) {
	l := listenTest(t, "127.0.0.1::80")
	defer l.Close()
	if pid, _ := holderOf(l.Port); pid != fmt.Sprint(os.Getpid()) {
		t.Errorf("the holder is %q", pid)
	}
	port := l.Port
	l.Close()
	if pid, name := holderOf(port); pid == fmt.Sprint(os.Getpid()) {
		t.Errorf("the holder is %q %s still", pid, name)
	}
}

func FuzzHolds(f *testing.F) {
	f.Add("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0")
	f.Fuzz(func(t *testing.T, line string) {
		if inode, ok := holds(line, Port{Protocol: "tcp", HostPort: 8080}); ok && inode == "" {
			t.Errorf("%q", line)
		}
	})
}
