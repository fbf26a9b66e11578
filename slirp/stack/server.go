package stack

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// server is a port of the host's that leads to one of the container's.
type server struct {
	t     *udpTable
	fd    int
	place int
	to    [2]*udpFlow // IPv4, IPv6; nil where the container has none
	seen  func(netip.AddrPort) netip.AddrPort
}

// PublishDatagrams leads the datagrams of a bound socket to a port of the
// container's, at the addresses that are valid, and back; several may lead to the
// same one. seen is how the container sees a client. The socket is the stack's from then on. It must be called by
// [Stack.Do].
func (s *Stack) PublishDatagrams(fd int, guest4, guest6 netip.Addr, port uint16, seen func(netip.AddrPort) netip.AddrPort) {
	v := &server{t: &s.udp, fd: fd, seen: seen}
	var err error
	if v.place, err = s.watch(fd, v, unix.EPOLLIN); err != nil {
		unix.Close(fd)
		return
	}
	s.udp.servers = append(s.udp.servers, v)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, datagramRoom)
	for i, guest := range []netip.Addr{guest4, guest6} {
		if !guest.IsValid() {
			continue
		}
		f := &udpFlow{t: &s.udp, key: flowKey{guest: packet.From(guest), guestPort: port}, fd: fd, clients: newClients(), v6: i == 1}
		f.prev, f.next = f, f
		f.expire = f.expired
		switch old := s.udp.all[f.key]; {
		case old == nil:
		case old.clients != nil:
			f.clients = old.clients // what the container answers does not tell by which it was asked
		default:
			old.remove()
		}
		s.udp.all[f.key] = f
		v.to[i] = f
	}
}

// ready passes on what has come from clients.
func (v *server) ready(uint32) {
	g := &v.t.gather
	n, err := g.receive(v.fd)
	if err != 0 { // such as of a client that is gone
		return
	}
	for i := 0; i < n; {
		r := g.run(i, n)
		i += r.number
		v.pass(&r)
	}
	g.learn(n)
}

// pass gives the container what a client has sent.
func (v *server) pass(r *run) {
	from := netip.AddrPortFrom(r.from.Addr().Unmap(), r.from.Port())
	as := v.seen(from)
	f := v.to[0]
	if as.Addr().Is6() {
		f = v.to[1]
	}
	if f == nil {
		return
	}
	as = f.clients.remember(as, client{from, f})
	src := packet.From(as.Addr())
	f.deliver(&src, as.Port(), r.a, r.b, r.each)
}
