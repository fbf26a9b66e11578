package slirp

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"coracle/slirp/relay"
)

// published are the ports that lead into the container.
type published struct {
	ports  map[Port]int // by the listener
	accept relay.Acceptor
	hide   bool // Options.HideClients
}

func (p *published) open(hide bool) {
	p.hide = hide
	p.ports = make(map[Port]int)
	p.accept.Open()
}

// close closes what the stack has not closed.
func (p *published) close() {
	for port, fd := range p.ports {
		if port.Protocol != "udp" {
			unix.Close(fd)
		}
	}
	p.accept.Close()
}

// Publish leads a port of the host's into the container: who connects to it is
// seen there with its own address, but for the host itself, which is the gateway.
// The listener is the network's from then on.
func (n *Network) Publish(l *Listener) {
	fd, port := l.take(), l.Port
	ok := n.stack.Do(func() {
		if port.Protocol == "udp" {
			n.stack.PublishDatagrams(fd, n.Plan.Container4.Addr(), n.Plan.Container6.Addr(), port.ContainerPort, n.seen)
		} else if err := n.stack.Watch(fd, func() { n.accept(fd, port.ContainerPort) }); err != nil {
			unix.Close(fd)
			return
		}
		n.published.ports[port] = fd
	})
	if !ok {
		unix.Close(fd)
	}
}

// Withdraw frees a port: nobody connects any more when it returns. Who is connected
// stays. Not ok: it is not published.
func (n *Network) Withdraw(p Port) (ok bool) {
	done := make(chan struct{})
	if !n.stack.Do(func() {
		defer close(done)
		fd, there := n.published.ports[p]
		if !there {
			return
		}
		ok = true
		delete(n.published.ports, p)
		if p.Protocol == "udp" {
			n.stack.WithdrawDatagrams(fd)
			return
		}
		n.stack.Unwatch(fd)
		unix.Close(fd)
	}) {
		return false
	}
	<-done
	return ok
}

// accept takes the connections that wait.
func (n *Network) accept(listener int, port uint16) {
	for range backlog {
		fd, client, ok := n.published.accept.Accept(listener)
		if !ok {
			return
		}
		from, to := n.seen(client), n.Plan.Container4.Addr()
		if from.Addr().Is4() {
			n.stack.Connect(fd, from, netip.AddrPortFrom(to, port), nil)
			continue
		}
		// Many servers listen to IPv4 only, and a client has no second try: it is
		// connected already.
		var refused func(fd int)
		if to.IsValid() {
			refused = func(fd int) {
				n.stack.Connect(fd, netip.AddrPortFrom(n.Plan.Gateway4, from.Port()), netip.AddrPortFrom(to, port), nil)
			}
		}
		n.stack.Connect(fd, from, netip.AddrPortFrom(n.Plan.Container6.Addr(), port), refused)
	}
}

// seen is how the container sees a client: one of this machine, whose address it
// could not answer to, as the gateway; one of a family that it does not have, too.
func (n *Network) seen(client netip.AddrPort) netip.AddrPort {
	a := client.Addr().Unmap()
	hide := n.published.hide
	switch {
	case a.Is4() && !n.Plan.Container4.IsValid():
		return netip.AddrPortFrom(n.Plan.Gateway6, client.Port())
	case a.Is6() && !n.Plan.Container6.IsValid(), a.Is4() && n.elsewhere:
		return netip.AddrPortFrom(n.Plan.Gateway4, client.Port())
	case n.elsewhere:
		return netip.AddrPortFrom(n.Plan.Gateway6, client.Port())
	case a.Is4() && (hide || a.IsLoopback() || n.host.has(a)):
		return netip.AddrPortFrom(n.Plan.Gateway4, client.Port())
	case a.Is6() && (hide || a.IsLoopback() || a.IsLinkLocalUnicast() || n.host.has(a)):
		return netip.AddrPortFrom(n.Plan.Gateway6, client.Port())
	}
	return netip.AddrPortFrom(a, client.Port())
}
