package usernet

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
	"coracle/slirp/networks"
)

// Plug gives a container's network namespace a device in the network, with the
// member's addresses. A device of an earlier run goes first.
func (j *Membership) Plug(container int) error {
	if err := link.In(j.ns, func(c *link.Conn) error { return j.wire(c, container) }); err != nil {
		return fmt.Errorf("cannot connect the container to network %s: %w", j.Network.Name, err)
	}
	if err := link.In(container, j.configure); err != nil {
		return errors.Join(fmt.Errorf("cannot give the container its address in network %s: %w", j.Network.Name, err), j.Unplug())
	}
	return link.In(j.ns, func(c *link.Conn) error {
		index, err := c.Index(j.port())
		if err == nil {
			err = c.Settle(index)
		}
		return err
	})
}

// Unplug takes the device away; the member keeps its addresses.
func (j *Membership) Unplug() error { return unplug(j.ns, []Member{j.Member}) }

// wire makes the pair of devices; it is called in the network's namespace.
func (j *Membership) wire(c *link.Conn, container int) error {
	if err := remove(c, j.port()); err != nil {
		return err
	}
	bridge, err := c.Index(bridgeName)
	if err != nil {
		return err
	}
	v := link.Veth{Name: j.port(), MTU: j.Network.MTU(), Peer: j.Interface, PeerMAC: j.mac, PeerNS: container}
	switch err := c.AddVeth(v); {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("it has a device %s already\n  fix: another interface name, as in --network %s:interface_name=NAME", j.Interface, j.Network.Name)
	case err != nil:
		return err
	}
	index, err := c.Index(j.port())
	if err == nil {
		err = errors.Join(c.Mute(index), c.SetMaster(index, bridge), c.Up(index, 0))
	}
	if err != nil {
		_ = remove(c, j.port())
	}
	if errors.Is(err, unix.EXFULL) {
		return fmt.Errorf("%w: a network has 1023 containers at most", ErrFull)
	}
	return err
}

// configure gives the container's end its addresses; it is called in the
// container's namespace.
func (j *Membership) configure(c *link.Conn) error {
	index, err := c.Index(j.Interface)
	if err != nil {
		return err
	}
	for _, p := range j.Prefixes() {
		if err := c.AddAddress(index, p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	// A container is no router, unless it is to be one: nobody reaches by way of it what
	// only it may reach.
	if !j.forwarding {
		if err := c.NoForwarding(index); err != nil {
			return err
		}
	}
	const loopback = 1
	if err := errors.Join(c.Up(index, 0), c.Up(loopback, 0)); err != nil {
		return err
	}
	if err := c.Settle(index); err != nil {
		return err
	}
	return c.SettleAddress(j.IP6)
}

// Prefixes are the member's addresses with what they are in.
func (j *Membership) Prefixes() (list []netip.Prefix) {
	for _, a := range j.Addresses() {
		for _, s := range j.Network.Subnets {
			if s.Prefix.Contains(a) {
				list = append(list, netip.PrefixFrom(a, s.Prefix.Bits()))
			}
		}
	}
	return list
}

// Subnet is the member's address and the gateway of one family; zero when the
// network does not have it.
func (j *Membership) Subnet(four bool) (address netip.Prefix, gateway netip.Addr) {
	get, ip := j.Network.IPv6, j.IP6
	if four {
		get, ip = j.Network.IPv4, j.IP4
	}
	var s networks.Subnet
	s, ok := get()
	if !ok || !ip.IsValid() {
		return netip.Prefix{}, netip.Addr{}
	}
	return netip.PrefixFrom(ip, s.Prefix.Bits()), s.Gateway
}
