package intent

import (
	"net/netip"
	"slices"

	"coracle/slirp"
	"coracle/slirp/networks"
)

// userNetworks looks up the networks that the container is to be connected to, and
// holds what was asked for against what they are.
func (b *builder) userNetworks() error {
	for _, a := range b.ns.attached {
		if b.Host.Network == nil {
			return &networks.NotFound{Name: a.Network}
		}
		n, err := b.Host.Network(a.Network)
		if err != nil {
			return err
		}
		if err := a.Fits(n); err != nil {
			return err
		}
		a.Network = n.Name
		for _, o := range b.extra.Attachments {
			if o.Network == a.Network { // an id beside a name
				return fail(ErrConflict, "--network %s was given twice", a.Network)
			}
		}
		b.extra.Attachments, b.nets = append(b.extra.Attachments, a), append(b.nets, n)
	}
	if len(b.nets) > 0 {
		b.extra.Network = b.nets[0].Name
	}
	return nil
}

// Fits tells whether the network can do what is asked for. Errors: networks.ErrInvalid,
// [ErrConflict].
func (a *Attachment) Fits(n *networks.Network) error {
	for _, ip := range []netip.Addr{a.IP4, a.IP6} {
		if !ip.IsValid() {
			continue
		}
		if err := n.Contains(ip); err != nil {
			return err
		}
	}
	if len(a.Aliases) > 0 && !n.DNS {
		return fail(ErrConflict, "network %s has no names, so that --network-alias %s means nothing in it", n.Name, a.Aliases[0]).
			fix("coracle network create NAME, and --network NAME")
	}
	return nil
}

// addresses are the container's own, its gateways and name servers. In a user network
// the container's own are not known before it runs, unless they were asked for.
func (b *builder) addresses() (p slirp.Plan) {
	switch {
	case b.ns.driver != nil:
		return b.ns.driver.Plan
	case len(b.nets) == 0:
		return b.ns.slirp.Plan()
	}
	servers := p.DNS[:0]
	for i, n := range b.nets {
		for _, s := range n.Subnets {
			own, gateway, asked := &p.Container4, &p.Gateway4, b.extra.Attachments[i].IP4
			if s.Prefix.Addr().Is6() {
				own, gateway, asked = &p.Container6, &p.Gateway6, b.extra.Attachments[i].IP6
			}
			if !gateway.IsValid() {
				*gateway = s.Gateway
			}
			if asked.IsValid() && !own.IsValid() {
				*own = netip.PrefixFrom(asked, s.Prefix.Bits())
			}
		}
		if len(servers) < cap(servers) {
			servers = append(servers, n.Subnets[0].Gateway)
		}
	}
	return p
}

// hostAddress is where the container reaches the host; invalid in networks without a
// way out.
func (b *builder) hostAddress() netip.Addr {
	if b.ns.driver != nil {
		return b.ns.driver.Host
	}
	for _, n := range b.nets {
		if !n.Internal { // as the supervisor chooses whose gateway leads out
			return n.Subnets[0].Gateway
		}
	}
	if len(b.nets) > 0 {
		return netip.Addr{}
	}
	p := b.addresses()
	if p.Gateway4.IsValid() {
		return p.Gateway4
	}
	return p.Gateway6
}

// ownAddress is what stands beside the container's own names in /etc/hosts, which are
// returned without those that its networks tell: these know the address, and follow
// when it changes.
func (b *builder) ownAddress(names []string) (string, []string) {
	p := b.addresses()
	for _, own := range []netip.Prefix{p.Container4, p.Container6} {
		if own.IsValid() {
			return own.Addr().String(), names
		}
	}
	if b.nets[0].DNS {
		names = slices.DeleteFunc(names, func(n string) bool { return n == b.o.Name || n == b.ID[:12] })
	}
	return "127.0.0.1", names
}
