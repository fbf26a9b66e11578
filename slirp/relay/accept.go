package relay

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Acceptor takes connections, also when the process has no descriptor left: then
// the client is told so. To leave it waiting would have epoll tell of it again at
// once, for ever.
type Acceptor struct {
	spare int // 0 for none
}

// Open reserves a descriptor. Without one there is nothing to give up in need, until
// one is free again.
func (a *Acceptor) Open() {
	if a.spare > 0 {
		return
	}
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = 0
	}
	a.spare = fd
}

// Close lets go of it.
func (a *Acceptor) Close() {
	if a.spare > 0 {
		unix.Close(a.spare)
	}
	a.spare = 0
}

// Accept takes the next connection of a listener that does not block; false: there
// is none.
func (a *Acceptor) Accept(listener int) (fd int, client netip.AddrPort, ok bool) {
	for {
		fd, peer, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			a.Open()
			return fd, AddrPort(peer), true
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			if !a.turnAway(listener) {
				return -1, client, false
			}
		case unix.EAGAIN, unix.EBADF, unix.EINVAL, unix.ENOTSOCK:
			return -1, client, false
		default: // of a client that is gone: accept(2), error handling
		}
	}
}

// turnAway takes one connection by the spare descriptor, and ends it; not ok: there
// is none. (The kernel looks for a descriptor before it looks for a connection.)
func (a *Acceptor) turnAway(listener int) (ok bool) {
	if a.Open(); a.spare <= 0 {
		return false
	}
	a.Close()
	defer a.Open()
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err == nil {
		Abort(fd)
	}
	return err == nil
}

// Abort closes a connection so that the other end learns that it was not in order.
func Abort(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(fd)
}

// AddrPort is the address of a socket; one of IPv4 also when the socket is of IPv6.
func AddrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}
