package stack

import "net/netip"

// mostClients bounds the clients of a published port that are remembered. One that
// is forgotten is answered as any other machine is: by its address, if that is what
// the container sees, and if the container may send there.
const mostClients = 1024

// client is somebody who has sent something to a published port.
type client struct {
	addr netip.AddrPort
	by   *udpFlow // whose socket the answer has to leave by
}

// clients are those of one port of the container's, by whichever ports of the host's
// they came.
type clients struct {
	real   map[netip.AddrPort]client // by the address that the container sees
	seenAs map[client]netip.AddrPort // the other way round
}

func newClients() *clients {
	return &clients{real: make(map[netip.AddrPort]client), seenAs: make(map[client]netip.AddrPort)}
}

// remember finds an address for a client: the port is another when somebody else
// is seen with that.
func (l *clients) remember(as netip.AddrPort, c client) netip.AddrPort {
	if known, ok := l.seenAs[c]; ok {
		return known
	}
	if len(l.real) >= mostClients {
		for known, old := range l.real {
			delete(l.real, known)
			delete(l.seenAs, old)
			break
		}
	}
	for l.real[as].by != nil {
		as = netip.AddrPortFrom(as.Addr(), anyPort())
	}
	l.real[as], l.seenAs[c] = c, as
	return as
}

// forget drops those that came by a server that is no more.
func (l *clients) forget(by *udpFlow) {
	for as, c := range l.real {
		if c.by == by {
			delete(l.real, as)
			delete(l.seenAs, c)
		}
	}
}
