package main

import (
	"slices"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/places"
)

// inspectAttached tells of the user networks of a container. What docker shows beside
// the networks is about the first.
func inspectAttached(n *inspectNetwork, all *launcher.Containers, c *containers.Container) error {
	of, err := all.Networks().PlacesOf(c)
	if err != nil {
		return err
	}
	for i, p := range of[c.ID] {
		e := inspectEndpointOf(&p, c)
		n.Networks[p.Network.Name] = e
		if i == 0 {
			n.EndpointID, n.Gateway, n.IPAddress, n.IPPrefixLen, n.MacAddress = e.EndpointID, e.Gateway, e.IPAddress, e.IPPrefixLen, e.MacAddress
			n.IPv6Gateway, n.GlobalIPv6Address, n.GlobalIPv6PrefixLen = e.IPv6Gateway, e.GlobalIPv6Address, e.GlobalIPv6PrefixLen
		}
	}
	return nil
}

func inspectEndpointOf(p *places.Place, c *containers.Container) *inspectEndpoint {
	e := &inspectEndpoint{NetworkID: p.Network.ID, Aliases: orNone(p.Asked.Aliases), MacAddress: p.Asked.MAC, DNSNames: []string{}}
	if p.Asked.IP4.IsValid() || p.Asked.IP6.IsValid() {
		e.IPAMConfig = &inspectIPAM{IPv4Address: p.Asked.IP4, IPv6Address: p.Asked.IP6}
	}
	m := p.Member
	if m == nil {
		return e
	}
	e.EndpointID, e.MacAddress, e.Aliases = endpointID(p.Network.ID, c.ID), m.MAC, orNone(m.Aliases)
	if p.Network.DNS {
		e.DNSNames = slices.Concat([]string{m.Name}, m.Aliases, []string{format.ShortID(c.ID)})
	}
	for _, a := range m.Addresses() {
		with, gateway := withSubnet(p.Network, a)
		via := ""
		if gateway.IsValid() && !p.Network.Internal {
			via = gateway.String()
		}
		if a.Is4() {
			e.IPAddress, e.IPPrefixLen, e.Gateway = a.String(), with.Bits(), via
		} else {
			e.GlobalIPv6Address, e.GlobalIPv6PrefixLen, e.IPv6Gateway = a.String(), with.Bits(), via
		}
	}
	return e
}
