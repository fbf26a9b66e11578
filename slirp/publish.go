package slirp

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Publish leads a port of the host's into the container: who connects to it is
// seen there with its own address, but for the host itself, which is the gateway.
// The listener is the network's from then on.
func (n *Network) Publish(l *Listener) {
	fd, port := l.fd, l.ContainerPort
	l.fd = -1
	n.stack.Do(func() {
		if l.Protocol == "udp" {
			n.stack.PublishDatagrams(fd, n.Plan.Container4.Addr(), n.Plan.Container6.Addr(), port, n.seen)
			return
		}
		if err := n.stack.Watch(fd, func() { n.accept(fd, port) }); err != nil {
			unix.Close(fd)
			return
		}
		n.listeners = append(n.listeners, fd)
	})
}

// accept takes the connections that wait.
func (n *Network) accept(listener int, port uint16) {
	for range backlog {
		fd, peer, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == unix.EINTR || err == unix.ECONNABORTED {
			continue
		}
		if err != nil {
			return
		}
		from, to := n.seen(addrPort(peer)), n.Plan.Container4.Addr()
		if from.Addr().Is6() {
			to = n.Plan.Container6.Addr()
		}
		n.stack.Connect(fd, from, netip.AddrPortFrom(to, port))
	}
}

func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// seen is how the container sees a client: one of this machine, whose address it
// could not answer to, as the gateway; one over IPv6 where it has none, too.
func (n *Network) seen(client netip.AddrPort) netip.AddrPort {
	a := client.Addr().Unmap()
	switch {
	case a.Is6() && !n.Plan.Container6.IsValid():
		return netip.AddrPortFrom(n.Plan.Gateway4, client.Port())
	case a.Is4() && (a.IsLoopback() || n.host.has(a)):
		return netip.AddrPortFrom(n.Plan.Gateway4, client.Port())
	case a.Is6() && (a.IsLoopback() || a.IsLinkLocalUnicast() || n.host.has(a)):
		return netip.AddrPortFrom(n.Plan.Gateway6, client.Port())
	}
	return netip.AddrPortFrom(a, client.Port())
}
