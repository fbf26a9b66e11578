package stack

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// peerSocket is one on the loopback that the test sends from itself.
func peerSocket(t *testing.T) (fd int, port uint16) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, uint16(name.(*unix.SockaddrInet4).Port)
}

// TestGather sends datagrams of many sizes from two peers: the container gets each
// one as it was, in order.
func TestGather(t *testing.T) {
	for _, segments := range []bool{true, false} {
		w := newWire(t)
		w.s.UDPSegments = segments
		pc := datagramPort(t, w)
		var peers [2]int
		var ports [2]uint16
		for i := range peers {
			peers[i], ports[i] = peerSocket(t)
		}
		var want []string
		number := 0
		send := func(peer, each int, sizes ...int) {
			t.Helper()
			var all string
			for _, size := range sizes {
				number++
				text := strings.Repeat(fmt.Sprintf("%04d ", number), size/5+1)[:size]
				all += text
				want = append(want, fmt.Sprintf("192.0.2.%d:%d>80 %s", peer, ports[peer], text))
			}
			var m message
			if err := m.send(peers[peer], []byte(all), netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), pc), each); err != 0 {
				t.Fatal(err)
			}
		}
		single := func(peer int, sizes ...int) {
			for _, size := range sizes {
				send(peer, 0, size)
			}
		}
		w.s.udp.servers[0].seen = func(a netip.AddrPort) netip.AddrPort {
			i := slices.Index(ports[:], a.Port())
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), a.Port())
		}
		check := func(what string) {
			t.Helper()
			var got []string
			eventually(t, what, func() bool {
				got = append(got, w.datagrams()...)
				return len(got) >= len(want)
			})
			for i := range want {
				if i >= len(got) || got[i] != want[i] {
					t.Fatalf("%s (segments: %v), %d of %d: got %.40q, want %.40q", what, segments, i, len(want), got[i], want[i])
				}
			}
			want = nil
		}
		single(0, 1400, 1400, 1400, 700, 1400)
		single(1, 1400)
		single(0, 1400, 0, 1400, 1401, 3000, 9000, 20000, 60000, 5)
		check("sizes")
		for range 60 { // more than one call takes
			single(0, 1000)
			single(1, 1000, 1000)
		}
		check("many")
		single(0, 8000, 100)
		send(0, 1000, 1000, 1000, 1000, 1000, 500) // shorter together than what is expected now
		send(1, 1200, slices.Repeat([]int{1200}, 40)...)
		send(1, 7, slices.Repeat([]int{7}, 60)...)
		check("several in one")
	}
}

// datagramPort publishes port 80 of the container on the loopback.
func datagramPort(t *testing.T, w *wire) (port uint16) {
	t.Helper()
	fd, port := peerSocket(t)
	fd, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.SetNonblock(fd, true)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20)
	w.s.PublishDatagrams(fd, guest4, netip.Addr{}, 80, nil)
	return port
}

// TestGatherRuns: what can go as one packet does.
func TestGatherRuns(t *testing.T) {
	w := newWire(t)
	port := datagramPort(t, w)
	w.s.udp.servers[0].seen = func(a netip.AddrPort) netip.AddrPort { return a }
	from, _ := peerSocket(t)
	to := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: int(port)}
	send := func(n int) {
		for range n {
			if err := unix.Sendto(from, make([]byte, 512), 0, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(1) // their size is known from now on
	w.take()
	send(30)
	if n := len(w.take()); n != 1 {
		t.Errorf("%d packets for 30 datagrams of one size", n)
	}
}
