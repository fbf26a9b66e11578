package relay

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// targets are where to try to reach a server for a client, in this order: the
// address of the client's family first. Most servers listen to both, many only to
// IPv4, and a client has no second try: it is connected already.
func (r *Relay) targets(client netip.Addr, port uint16) (list []netip.AddrPort) {
	four, six := r.To4, r.To6
	if !four.IsValid() {
		four = sender(unix.AF_INET)
	}
	if !six.IsValid() {
		six = sender(unix.AF_INET6)
	}
	first, second := four, six
	if client.Is6() {
		first, second = six, four
	}
	for _, a := range []netip.Addr{first, second} {
		if a.IsValid() {
			list = append(list, netip.AddrPortFrom(a, port))
		}
	}
	return list
}

// sender is the address that this thread's namespace has for those far away.
// Nothing is sent: connect(2) of a datagram socket only asks for the route.
func sender(family int) netip.Addr {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.Addr{}
	}
	defer unix.Close(fd)
	far := netip.AddrFrom4([4]byte{192, 0, 2, 1}) // RFC 5737
	if family == unix.AF_INET6 {
		far = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}) // RFC 3849
	}
	if unix.Connect(fd, sockaddr(netip.AddrPortFrom(far, 9))) != nil {
		return netip.Addr{}
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return netip.Addr{}
	}
	return AddrPort(name).Addr()
}

func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	}
	return &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
}

// dial makes a socket of this thread's namespace and begins to connect it.
func dial(to netip.AddrPort, kind int) (fd int, connected bool, err error) {
	family := unix.AF_INET6
	if to.Addr().Is4() {
		family = unix.AF_INET
	}
	if fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, false, err
	}
	address := sockaddr(to)
	if err = unix.Connect(fd, address); err == unix.EINPROGRESS {
		// Within one machine it is often done already, which saves a turn.
		if err = unix.Connect(fd, address); err == unix.EALREADY || err == unix.EINPROGRESS {
			return fd, false, nil
		}
	}
	if err != nil && err != unix.EISCONN {
		unix.Close(fd)
		return -1, false, err
	}
	return fd, true, nil
}
