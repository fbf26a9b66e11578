package slirp

import (
	"net/netip"
	"slices"

	"coracle/slirp/egress"
	"coracle/slirp/stack"
)

// router decides where the container's packets go. What goes to its name servers
// does not come here: that is for the resolver.
type router struct {
	Options
	hooks Hooks
	plan  Plan
	host  *hostAddresses
	gate  gate
}

const dnsPort = 53

func (r *router) route(protocol uint8, to netip.AddrPort) (netip.AddrPort, stack.Verdict) {
	a := to.Addr()
	switch {
	case r.internal():
		return to, stack.Refuse
	case a == r.plan.Gateway4 || a == r.plan.Gateway6:
		if !r.HostLoopback && !slices.Contains(r.HostPorts, to.Port()) {
			return to, stack.Refuse
		}
		if a.Is4() {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.Port()), stack.Allow
		}
		return netip.AddrPortFrom(netip.IPv6Loopback(), to.Port()), stack.Allow
	case r.CIDR4.Contains(a) || r.CIDR6.Contains(a):
		return to, stack.Refuse // nobody else is there
	case a.IsMulticast():
		return to, stack.Drop
	case unspeakable(a):
		return to, stack.Prohibit
	case r.host.has(a):
		if r.HostLoopback {
			return to, stack.Allow
		}
		return to, stack.Refuse
	case r.disguised(a):
		return to, stack.Prohibit
	// Of IPv4 link-local addresses some lead to the host in other programs, and to
	// the secrets of a machine in a cloud, which a container of docker's does not
	// reach there either: its packets have made too many hops.
	case a.IsLinkLocalUnicast() && !r.gate.named(protocol, to):
		r.gate.opens(protocol, to)
		return to, stack.Prohibit
	case !r.gate.opens(protocol, to):
		return to, stack.Prohibit
	}
	return to, stack.Allow
}

// unspeakable are addresses that mean this machine, none, all, or a link that
// nobody knows, whatever the container's are.
func unspeakable(a netip.Addr) bool {
	if a.Is4() {
		return a.IsLoopback() || a.As4()[0] == 0 || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	return a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast()
}

// disguised tells an IPv6 address that leads to an IPv4 address of the host's, or
// to one that has no business on the way there.
func (r *router) disguised(a netip.Addr) bool {
	v4, ok := egress.Embedded(a)
	return ok && (unspeakable(v4) || v4.IsLinkLocalUnicast() || v4.IsMulticast() || r.host.has(v4) && !r.HostLoopback)
}
