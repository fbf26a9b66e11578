package slirp

import (
	"fmt"
	"net/netip"
	"time"

	"coracle/slirp/dns"
	"coracle/slirp/egress"
	"coracle/slirp/packet"
)

// gate is what [Options.Egress] opens. It is of the stack's thread. A policy that
// is nil opens everything.
type gate struct {
	policy *egress.Policy
	given  egress.Given
	host   *hostAddresses
	denied func(Denial)
	now    func() time.Time
}

func newGate(rules []string, denied func(Denial)) (gate, error) {
	p, err := egress.Parse(rules)
	if err != nil {
		return gate{}, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return gate{policy: p, denied: denied, now: time.Now}, nil
}

func protocolName(protocol uint8) string {
	switch protocol {
	case packet.TCP:
		return "tcp"
	case packet.UDP:
		return "udp"
	}
	return "icmp"
}

// opens decides about a way out, and tells of one that is closed.
func (g *gate) opens(protocol uint8, to netip.AddrPort) bool {
	if g.policy == nil {
		return true
	}
	name, now := protocolName(protocol), g.now()
	if g.policy.Address(name, to, g.host.near(to.Addr())) || g.given.Allows(now, g.policy, name, to) {
		return true
	}
	if g.denied != nil {
		g.denied(Denial{Time: now, Protocol: name, Address: to.Addr(), Port: to.Port(), Name: g.given.Name(to.Addr())})
	}
	return false
}

// named tells that a rule is about just that address, which is closed without one.
func (g *gate) named(protocol uint8, to netip.AddrPort) bool {
	return g.policy != nil && g.policy.Address(protocolName(protocol), to, false)
}

// allowsName tells whether a name may be asked for.
func (g *gate) allowsName(name string) bool { return g.policy == nil || g.policy.Asks(name) }

// asks tells whether a question may be passed on: for a name that may be asked for,
// or for the name of an address that the container knows already.
func (g *gate) asks(q *dns.Question) bool {
	if g.allowsName(q.Name) {
		return true
	}
	a, ok := dns.ParseReverse(q.Name)
	return ok && q.Type == dns.PTR && (g.given.Name(a) != "" || g.policy.Address("", netip.AddrPortFrom(a, 0), false))
}

// deny tells of a name that was asked for.
func (g *gate) deny(name string) {
	if g.denied != nil {
		g.denied(Denial{Time: g.now(), Protocol: "dns", Name: name})
	}
}

// note takes note of the addresses that the container is given. That they are told
// of when one is denied helps, too, where every name may be asked for.
func (g *gate) note(a *dns.Answer) {
	if g.policy == nil {
		return
	}
	now := g.now()
	for _, ip := range a.Addrs {
		g.given.Note(now, a.Name, ip, a.TTL)
	}
}
