package slirp

import (
	"net/netip"

	"coracle/slirp/link"
	"coracle/slirp/tun"
)

// Place is a container's place in a network that it shares with others. It has its
// addresses on a device of that network; the device of this package has none, and
// is the way to everything else: to the gateway's address alone, and by way of it
// to all that is not in the network. Seen from inside that is what a router in the
// network would look like.
type Place struct {
	// Address4 and Address6 are the container's, with the network's prefix; those of
	// a family that the network does not have are zero.
	Address4, Address6 netip.Prefix
	Gateway4, Gateway6 netip.Addr
	// Internal: there is no way out. The gateway answers questions for names of
	// containers, and nothing else.
	Internal bool
	// Elsewhere: the way out is another device's. The gateway answers questions for
	// names, and has what is open of the host; who connects by it to a published port
	// is seen as the gateway, because nobody else is answered by this device.
	Elsewhere bool
	// Formerly are addresses where the container was told that its name server is,
	// when it had another place: it is there still.
	Formerly []netip.Addr
}

// At gives a container its place. It must have the addresses when [Start] is called.
func (o *Options) At(p Place) {
	o.place = &p
	o.CIDR4, o.CIDR6 = p.Address4.Masked(), p.Address6.Masked()
	if p.Internal {
		o.HostLoopback, o.HostPorts = false, nil
	}
}

// internal tells that nothing leads out.
func (o *Options) internal() bool { return o.place != nil && o.place.Internal }

// plan says who has which address: the gateway is the name server, too.
func (p *Place) plan() (out Plan) {
	out.Container4, out.Container6, out.Gateway4, out.Gateway6 = p.Address4, p.Address6, p.Gateway4, p.Gateway6
	servers := out.DNS[:0]
	for _, a := range append([]netip.Addr{p.Gateway4, p.Gateway6}, p.Formerly...) {
		if a.IsValid() && len(servers) < len(out.DNS) {
			servers = append(servers, a)
		}
	}
	return out
}

// routes lead to the gateway and the name servers, and with one way out, to
// everything. Their source is what others in the network know the container by.
func (p *Place) routes() (list []link.Route) {
	source := func(a netip.Addr) netip.Addr {
		if a.Is4() {
			return p.Address4.Addr()
		}
		return p.Address6.Addr()
	}
	add := func(r link.Route, family netip.Addr) {
		if r.Source = source(family); r.Source.IsValid() {
			list = append(list, r)
		}
	}
	seen := make(map[netip.Addr]bool)
	for _, a := range p.plan().DNS {
		if a.IsValid() && !seen[a] {
			seen[a] = true
			add(link.Route{To: netip.PrefixFrom(a, a.BitLen())}, a)
		}
	}
	for _, g := range []netip.Addr{p.Gateway4, p.Gateway6} {
		if g.IsValid() && !p.Internal && !p.Elsewhere {
			add(link.Route{To: link.Anywhere(g), Gateway: g}, g)
		}
	}
	return list
}

// device is what the network's device is to be.
func (o *Options) device(p *Plan) tun.Config {
	c := tun.Config{Name: Device, MTU: o.MTU}
	if o.place != nil {
		c.Routes = o.place.routes()
		return c
	}
	c.Addresses, c.Gateways = []netip.Prefix{p.Container4}, []netip.Addr{p.Gateway4}
	if p.Gateway6.IsValid() {
		c.Addresses, c.Gateways = append(c.Addresses, p.Container6), append(c.Gateways, p.Gateway6)
	}
	return c
}
