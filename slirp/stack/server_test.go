package stack

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// itself is how the container sees a client when nothing stands in the way.
func itself(a netip.AddrPort) netip.AddrPort { return a }

// publish leads a port of the loopback to one of the container's.
func publish(t *testing.T, w *wire, port uint16) (fd int, at netip.AddrPort) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	w.s.PublishDatagrams(fd, guest4, guest6, port, itself)
	return fd, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*unix.SockaddrInet4).Port))
}

// udpClient is one on the loopback.
type udpClient struct {
	t *testing.T
	*net.UDPConn
	port uint16
}

func newUDPClient(t *testing.T) udpClient {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return udpClient{t, c, c.LocalAddr().(*net.UDPAddr).AddrPort().Port()}
}

// ask sends a question, and returns by which port the container is asked.
func (c udpClient) ask(w *wire, at netip.AddrPort, question string) (as uint16) {
	c.t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(question), at); err != nil {
		c.t.Fatal(err)
	}
	var got []string
	eventually(c.t, "the container is asked "+question, func() bool {
		got = w.datagrams()
		return len(got) > 0
	})
	var to int
	var text string
	if n, err := fmt.Sscanf(got[0], "127.0.0.1:%d>%d %s", &as, &to, &text); n != 3 || err != nil || text != question || len(got) > 1 {
		c.t.Fatalf("the container is asked %q, want %s", got, question)
	}
	return as
}

// hears checks that an answer comes from where the question went.
func (c udpClient) hears(w *wire, port, as uint16, at netip.AddrPort, answer string) {
	c.t.Helper()
	w.datagram(netip.AddrPortFrom(guest4, port), netip.AddrPortFrom(at.Addr(), as), answer)
	w.none()
	b := make([]byte, 100)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != answer || from != at {
		c.t.Fatalf("%q from %v, %v; want %q from %v", b[:n], from, err, answer, at)
	}
}

// TestServersBounded: as many published ports as there may be flows are no flows of
// the container's own.
func TestServersBounded(t *testing.T) {
	w := newWire(t)
	for port := range uint16(many(t, mostFlows/2)) { // of two addresses each
		publish(t, w, 10000+port)
	}
	_, silent := peerSocket(t)
	to := netip.AddrPortFrom(testPeer4, silent)
	for port := range uint16(10) {
		w.datagram(netip.AddrPortFrom(guest4, 1000+port), to, "x")
	}
	w.take()
	if w.s.udp.own != 10 {
		t.Errorf("%d flows of its own", w.s.udp.own)
	}
	w.pass(flowLife + time.Second)
	if w.s.udp.own != 0 {
		t.Errorf("%d flows of its own after their time", w.s.udp.own)
	}
}

// TestServerAnswers: who has asked is answered, also when the container may send
// nowhere by itself.
func TestServerAnswers(t *testing.T) {
	w := newWire(t)
	w.s.Route = func(_ uint8, to netip.AddrPort) (netip.AddrPort, Verdict) { return to, Prohibit }
	_, at := publish(t, w, 53)
	c, other := newUDPClient(t), newUDPClient(t)
	as := c.ask(w, at, "who?")
	if as != c.port {
		t.Errorf("the client %d is seen as %d", c.port, as)
	}
	c.hears(w, 53, as, at, "me")
	w.datagram(netip.AddrPortFrom(guest4, 53), netip.AddrPortFrom(at.Addr(), other.port), "nobody asked")
	if p := w.one(); p.Protocol != packet.ICMP {
		t.Errorf("%+v", p.IP)
	}
	// Clients are remembered up to a bound.
	l := w.s.udp.all[flowKey{guest: packet.From(guest4), guestPort: 53}].clients
	for i := range mostClients + 100 {
		l.remember(netip.AddrPortFrom(gateway4, 9), client{netip.AddrPortFrom(testPeer4, uint16(i)), w.s.udp.servers[0].to[0]})
	}
	if len(l.real) != mostClients || len(l.seenAs) != mostClients {
		t.Errorf("%d, %d clients", len(l.real), len(l.seenAs))
	}
}

// TestServersOfOnePort: an answer leaves by the port that was asked, as long as that
// is published.
func TestServersOfOnePort(t *testing.T) {
	w := newWire(t)
	w.s.Route = func(_ uint8, to netip.AddrPort) (netip.AddrPort, Verdict) { return to, Prohibit }
	var fds [3]int
	var at [3]netip.AddrPort
	for i := range at {
		fds[i], at[i] = publish(t, w, 53)
	}
	a, b := newUDPClient(t), newUDPClient(t)
	first, second, third := a.ask(w, at[0], "1"), a.ask(w, at[1], "2"), b.ask(w, at[2], "3")
	if first != a.port || second == first || third != b.port {
		t.Errorf("clients %d and %d are seen as %d, %d, %d", a.port, b.port, first, second, third)
	}
	b.hears(w, 53, third, at[2], "three")
	a.hears(w, 53, first, at[0], "one")
	a.hears(w, 53, second, at[1], "two")
	key := flowKey{guest: packet.From(guest4), guestPort: 53}
	for gone, left := range map[int]int{2: 0, 0: 1} { // the newest and the oldest, in any order
		w.s.WithdrawDatagrams(fds[gone])
		f := w.s.udp.all[key]
		if f == nil || f.fd == fds[gone] {
			t.Fatalf("after the end of %d: %+v", gone, f)
		}
		if fds[gone] = -1; fds[left] >= 0 {
			a.hears(w, 53, a.ask(w, at[left], "again"), at[left], "yes")
		}
	}
	a.hears(w, 53, a.ask(w, at[1], "last"), at[1], "yes")
	w.s.WithdrawDatagrams(fds[1])
	if len(w.s.udp.all) != 0 || len(w.s.udp.servers) != 0 {
		t.Errorf("%d flows, %d servers", len(w.s.udp.all), len(w.s.udp.servers))
	}
	w.datagram(netip.AddrPortFrom(guest4, 53), netip.AddrPortFrom(at[0].Addr(), a.port), "too late")
	if p := w.one(); p.Protocol != packet.ICMP {
		t.Errorf("%+v", p.IP)
	}
}
