package stack

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// Local is what this process serves itself of what the container sends to port 53.
// Everything in it is called on Run's thread.
type Local struct {
	// Datagram takes a datagram; false: it goes on its way. The bytes are the stack's.
	Datagram func(from, to netip.AddrPort, b []byte) bool
	// Dial gives a connected stream socket for a connection of the container's, which
	// is the stack's from then on; -1 refuses. False: it goes on its way.
	Dial func(to netip.AddrPort) (fd int, taken bool)
}

// datagrams offers what a packet holds: one, or several of the same size.
func (l *Local) datagrams(h *packet.IP, d *packet.Datagram, v *packet.Virtio) (taken bool) {
	if l.Datagram == nil {
		return false
	}
	from, to := netip.AddrPortFrom(h.Src.Netip(), d.SrcPort), netip.AddrPortFrom(h.Dst.Netip(), d.DstPort)
	b := d.Payload
	for v.GSO == packet.GSOUDP && v.Size > 0 && len(b) > v.Size {
		if !l.Datagram(from, to, b[:v.Size]) {
			return false // to whom it goes decides that: the first as the last
		}
		b = b[v.Size:]
	}
	return l.Datagram(from, to, b)
}

// Reply sends a datagram to the container, as if from somebody. It must be called
// on Run's thread.
func (s *Stack) Reply(from, to netip.AddrPort, b []byte) {
	src := packet.From(from.Addr())
	f := udpFlow{t: &s.udp, key: flowKey{guest: packet.From(to.Addr()), guestPort: to.Port()}}
	f.datagram(&src, from.Port(), b, 0)
}

// local connects the container with a socket of this process's.
func (s *Stack) local(f flow, seg *packet.Segment, fd int) {
	if fd < 0 {
		s.refuse(&f, seg)
		return
	}
	c := s.newConn(f)
	s.opens++
	c.agree(seg)
	c.fd = fd
	if e := c.adopt(); e != 0 {
		c.abort()
		return
	}
	c.writable = true
	c.opening(answering)
}

// Observe has Run's thread call f when a descriptor's state changes, once for each
// change. stop, to be called on that thread before the descriptor is closed, ends it.
func (s *Stack) Observe(fd int, f func()) (stop func(), err error) {
	place, err := s.watch(fd, observed(f), unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET&0xffffffff)
	if err != nil {
		return nil, err
	}
	return func() { s.forget(place) }, nil
}

type observed func()

func (f observed) ready(uint32) { f() }

// After has Run's thread call f after a while, unless stop is called before, on that
// thread.
func (s *Stack) After(d time.Duration, f func()) (stop func()) {
	t := &timed{expire: func(time.Duration) { f() }}
	s.timers.set(t, s.now+d)
	return func() { s.timers.drop(t) }
}
