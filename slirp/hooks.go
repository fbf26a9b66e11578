package slirp

import (
	"net/netip"
	"time"
)

// Hooks are what a network asks and tells of the rest of the program. They are
// called on the thread that moves the container's packets: they must be quick and
// never block. Each may be nil.
type Hooks struct {
	// Lookup gives the addresses of a container by a name, which is in lower case and
	// has no dot at its end: that of the container, or an alias. Those of a family
	// that the container does not have are left out. Not ok: the name is not one of a
	// container's, and the host's name server is asked.
	Lookup func(name string) (addrs []netip.Addr, ok bool)
	// Reverse gives the name of the container that has an address.
	Reverse func(a netip.Addr) (name string, ok bool)
	// Denied is told of each attempt that [Options.Egress] forbids, each time.
	Denied func(Denial)
}

// Denial is one attempt that was denied.
type Denial struct {
	Time time.Time
	// Protocol is tcp, udp, icmp, or dns for a question about a name.
	Protocol string
	// Address and Port are where it was going; the zero value for a question.
	Address netip.Addr
	Port    uint16
	// Name is what was asked for, or the last name for which the container was given
	// the address, without the dot at its end; "" when there was none.
	Name string
}
