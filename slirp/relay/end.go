package relay

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// end is one of the two sockets of a pair.
type end struct {
	p  *pair
	fd int
	id uint64
	// readable and writable are what the kernel has told last, and nobody has found
	// otherwise since; hup: an end has come.
	readable, writable, hup bool
	// eof: it sends no more. shut: it was told that there is no more for it. broken:
	// it takes no more.
	eof, shut, broken bool
	// pending is what it did not take yet; while there is any, nothing is read
	// from the other.
	pending []byte
}

// watch asks for each change to be told, once.
func (e *end) watch() (ok bool) {
	// What comes in small pieces goes on in small pieces.
	_ = unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	var err error
	e.id, err = e.p.r.watch(e.fd, e, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET&0xffffffff)
	return err == nil
}

// close is for the end of the relay.
func (e *end) close() { Abort(e.fd) }

// ready takes note of what has happened to the socket.
func (e *end) ready(events uint32) {
	const bad = unix.EPOLLHUP | unix.EPOLLERR
	if e.p.connecting && e == &e.p.server {
		e.connected()
		return
	}
	e.readable = e.readable || events&(unix.EPOLLIN|unix.EPOLLRDHUP|bad) != 0
	e.hup = e.hup || events&(unix.EPOLLRDHUP|bad) != 0
	e.writable = e.writable || events&(unix.EPOLLOUT|bad) != 0
	e.p.queue()
}

// connected is called when the server has answered, or will not.
func (e *end) connected() {
	p := e.p
	n, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || n != 0 {
		delete(p.r.sources, e.id)
		unix.Close(e.fd)
		p.server.fd, p.connecting = -1, false
		p.try()
		return
	}
	// What it has sent already was told together with this.
	p.connecting, e.writable, e.readable = false, true, true
	p.queue()
}

// finished tells that nothing more will be passed to it.
func (e *end) finished() bool { return e.shut || e.broken }

// write passes bytes on; false: not all of them went.
func (e *end) write(b []byte) (all bool) {
	for len(b) > 0 && !e.broken {
		n, err := unix.SendmsgN(e.fd, b, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch err {
		case nil:
			b = b[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			e.writable = false
			e.hold(bytes.Clone(b))
			return false
		default:
			// What it has sent before is still to be read: the reason, often.
			e.broken = true
			e.hold(nil)
			e.p.reset = e.p.reset || err == unix.ECONNRESET
		}
	}
	return true
}

// flush passes on what it did not take before; false: there is still some.
func (e *end) flush() (all bool) {
	switch {
	case len(e.pending) == 0:
		return true
	case !e.writable:
		return false
	}
	if !e.write(e.pending) {
		return false
	}
	e.hold(nil)
	return true
}

// hold keeps what it did not take.
func (e *end) hold(b []byte) {
	e.p.r.held += len(b) - len(e.pending)
	e.pending = b
}
