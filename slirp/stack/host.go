package stack

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// queue are connections with something to do, in turn.
type queue struct{ first, last *conn }

// kick puts a connection into the queue.
func (c *conn) kick() {
	if c.queued || c.state == dead {
		return
	}
	q := &c.s.pumps
	c.queued, c.next = true, nil
	if q.last == nil {
		q.first = c
	} else {
		q.last.next = c
	}
	q.last = c
}

// run gives everyone who is in the queue now a turn.
func (q *queue) run() {
	last := q.last
	for q.first != nil {
		c := q.first
		q.first = c.next
		if q.first == nil {
			q.last = nil
		}
		c.next, c.queued = nil, false
		c.pump()
		if c == last {
			return
		}
	}
}

// sockaddr is the address in the form for the system.
func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if a := to.Addr().Unmap(); a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: int(to.Port())}
	}
	return &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
}

func family(to netip.AddrPort) int {
	if to.Addr().Unmap().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// socketEvents are asked for once; from then on each change is told once.
const socketEvents = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff

// dial begins to connect to the peer.
func (c *conn) dial(to netip.AddrPort) unix.Errno {
	fd, err := unix.Socket(family(to), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	c.fd = fd
	address := sockaddr(to)
	if err = unix.Connect(fd, address); err == unix.EINPROGRESS {
		// On this machine it is often done already, which saves a turn.
		if err = unix.Connect(fd, address); err == unix.EALREADY || err == unix.EINPROGRESS {
			c.s.timers.set(&c.timed, c.s.now+patience*c.rto)
			return c.adopt()
		}
	}
	if err != nil && err != unix.EISCONN {
		return errno(err)
	}
	if e := c.adopt(); e != 0 {
		return e
	}
	c.writable = true
	c.opening(answering)
	return 0
}

// adopt watches the socket.
func (c *conn) adopt() unix.Errno {
	// What comes in small pieces goes on in small pieces.
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	var err error
	c.place, err = c.s.watch(c.fd, c, socketEvents)
	if err != nil {
		return unix.ENOMEM
	}
	return 0
}

func errno(err error) unix.Errno {
	if e, ok := err.(unix.Errno); ok { //nolint:errorlint // package unix wraps nothing
		return e
	}
	return unix.EIO
}

// Connect makes a connection into the container for a socket that somebody has
// connected to us: from is who the container sees. The socket is the stack's from
// then on, and closed by a RST when the container does not answer; when it refuses,
// refused, if it is not nil, is given the socket back. It must be called by [Stack.Do].
func (s *Stack) Connect(fd int, from, to netip.AddrPort, refused func(fd int)) {
	f := s.unused(flow{packet.From(to.Addr()), packet.From(from.Addr()), to.Port(), from.Port()})
	if s.opens >= mostOpening || len(s.conns) >= mostConns || s.conns[f] != nil && s.conns[f].state != waiting {
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Close(fd)
		return
	}
	if old := s.conns[f]; old != nil {
		old.remove()
	}
	c := s.newConn(f)
	s.opens++
	c.state, c.fd, c.refused = calling, fd, refused
	if e := c.adopt(); e != 0 {
		c.abort()
		return
	}
	c.opening(calling)
}

// ready takes note of what has happened to the socket.
func (c *conn) ready(events uint32) {
	if c.state == dialing {
		c.dialed() // and it may have been given something already: nobody tells twice
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.readable = true
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hup = true
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.writable = true
	}
	c.kick()
}

// dialed is called when the socket is connected, or will not be.
func (c *conn) dialed() {
	e, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || e != 0 {
		c.failed(nil, unix.Errno(e))
		return
	}
	c.writable, c.rto = true, firstRTO
	c.opening(answering)
}

// turn is how many packets' worth one connection may move before others do.
const turn = 4

// pump moves what can be moved, both ways.
func (c *conn) pump() {
	if c.state != open {
		return
	}
	if c.writable && c.unread() > 0 {
		c.drain()
	}
	for range turn {
		if c.state != open || !c.readable || c.ended {
			break
		}
		n := c.usable()
		if n <= 0 || !c.read(n) {
			break
		}
	}
	if c.state != open {
		return
	}
	c.output()
	c.progress()
	more := c.readable && !c.ended && c.usable() > 0 && c.s.pool.used < c.s.pool.most
	if c.state == open && (more || c.writable && c.unread() > 0) {
		c.kick()
	}
}

// read takes up to n bytes from the peer; false: there are no more for now.
func (c *conn) read(n int) bool {
	var room [4][]byte
	list, total := room[:0], 0
	for total < n && len(list) < len(room) {
		b := c.out.at(&c.s.pool, c.outLen+total)
		if b == nil {
			break
		}
		b = b[:min(len(b), n-total)]
		list, total = append(list, b), total+len(b)
	}
	if total == 0 {
		if !c.starving {
			c.starving, c.s.starved = true, append(c.s.starved, c)
		}
		return false
	}
	got, err := vectorNow(unix.SYS_READV, c.fd, list, &c.s.link.vecs)
	switch {
	case err == unix.EINTR:
		return true
	case err == unix.EAGAIN:
		c.readable = false
	case err != 0:
		c.reset()
		return false
	case got == 0:
		c.readable, c.ended = false, true
	default:
		c.outLen += got
		c.output()
		// Told once: but an end may have come together with the last bytes.
		if got < total && !c.hup {
			c.readable = false
		}
	}
	if c.outLen == 0 {
		c.out.rest(&c.s.pool)
	}
	return c.readable
}

// pass gives bytes to the peer and returns how many it took.
func (c *conn) pass(b []byte) int {
	for {
		n, err := sendNow(c.fd, b)
		switch err {
		case 0:
			if n < len(b) {
				c.writable = false
			}
			return n
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			c.writable = false
		default:
			c.reset()
		}
		return 0
	}
}

// drain gives the peer what it did not take before.
func (c *conn) drain() {
	before := c.room()
	for c.writable && c.unread() > 0 {
		b := c.in.at(&c.s.pool, 0)
		n := c.pass(b[:min(len(b), int(c.unread()))])
		if c.state != open {
			return
		}
		c.in.advance(&c.s.pool, n)
		c.inBase += uint32(n)
	}
	if c.unread() == 0 && len(c.ahead) == 0 {
		c.in.rest(&c.s.pool)
	}
	// The container waits for a window that is worth it (RFC 9293, 3.8.6.2.2).
	if said := c.rcvEdge - c.rcvNxt; said < receiveWindow/2 && c.room() > before && c.room()-min(said, c.room()) >= min(receiveWindow/2, uint32(c.segment)) {
		c.owe()
	}
}

// progress ends what is at its end.
func (c *conn) progress() {
	if c.state != open {
		return
	}
	if c.finished && c.unread() == 0 && !c.shut {
		c.shut = true
		_ = unix.Shutdown(c.fd, unix.SHUT_WR)
	}
	// Our FIN has been acknowledged when that which follows the last byte is.
	if !c.said || upTo(c.sndUna, c.endAt) || !c.shut {
		return
	}
	if c.owes {
		c.acknowledge()
	}
	if c.closed {
		c.linger()
	} else {
		c.remove()
	}
}
