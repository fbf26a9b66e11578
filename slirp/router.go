package slirp

import (
	"net/netip"
	"slices"

	"coracle/slirp/stack"
)

// router decides where the container's packets go.
type router struct {
	Options
	plan Plan
	host *hostAddresses
	dns  nameservers
}

const dnsPort = 53

func (r *router) route(_ uint8, to netip.AddrPort) (netip.AddrPort, stack.Verdict) {
	a := to.Addr()
	switch {
	case a == r.plan.Gateway4 || a == r.plan.Gateway6:
		if !r.HostLoopback && !slices.Contains(r.HostPorts, to.Port()) {
			return to, stack.Refuse
		}
		if a.Is4() {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.Port()), stack.Allow
		}
		return netip.AddrPortFrom(netip.IPv6Loopback(), to.Port()), stack.Allow
	case r.CIDR4.Contains(a):
		for i, server := range r.plan.DNS {
			if a == server {
				return r.question(i, to)
			}
		}
		return to, stack.Refuse // nobody else is there
	case r.CIDR6.IsValid() && r.CIDR6.Contains(a):
		return to, stack.Refuse
	case a.IsMulticast():
		return to, stack.Drop
	case a.IsLoopback() || a.IsUnspecified() || a.Is4() && a.As4()[0] == 0:
		return to, stack.Prohibit
	case a.Is6() && a.IsLinkLocalUnicast(): // on which link nobody knows
		return to, stack.Prohibit
	case r.host.has(a) && !r.HostLoopback:
		return to, stack.Refuse
	}
	return to, stack.Allow
}

// question is for one of the name servers' addresses.
func (r *router) question(n int, to netip.AddrPort) (netip.AddrPort, stack.Verdict) {
	if to.Port() != dnsPort {
		return to, stack.Refuse
	}
	server, _ := r.dns.get(n)
	return netip.AddrPortFrom(server, dnsPort), stack.Allow
}
