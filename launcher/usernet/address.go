package usernet

import (
	"errors"
	"fmt"
	"net/netip"

	"coracle/slirp/link"
	"coracle/slirp/networks"
)

var (
	// ErrTaken says that another container has the address.
	ErrTaken = errors.New("address is taken")
	// ErrFull says that a network has no address left.
	ErrFull = errors.New("network is full")
)

// addresses gives out what a member is to have: what was asked for; else what it had
// before, if it is free; else the lowest that is free.
func addresses(n *networks.Network, living []Member, a *Ask, m *Member) error {
	taken := make(map[netip.Addr]*Member)
	for i := range living {
		for _, ip := range living[i].Addresses() {
			taken[ip] = &living[i]
		}
	}
	for _, s := range n.Subnets {
		asked, before, out := a.IP4, a.Before.IP4, &m.IP4
		if s.Prefix.Addr().Is6() {
			asked, before, out = a.IP6, a.Before.IP6, &m.IP6
		}
		switch holder := taken[asked]; {
		case asked.IsValid() && holder != nil:
			return fmt.Errorf("%w: %s of network %s, by container %s\n  fix: another --ip, or none, for a free one", ErrTaken, asked, n.Name, holder.Name)
		case asked.IsValid():
			if err := n.Contains(asked); err != nil {
				return err
			}
			*out = asked
		case before.IsValid() && taken[before] == nil && n.Contains(before) == nil:
			*out = before
		default:
			free, ok := lowest(n, s, taken)
			if !ok {
				return fmt.Errorf("%w: %s has no address left in %s\n  fix: coracle network create --subnet … for a larger one", ErrFull, n.Name, s.Prefix)
			}
			*out = free
		}
	}
	return nil
}

// lowest is the first address of a subnet that is free.
func lowest(n *networks.Network, s networks.Subnet, taken map[netip.Addr]*Member) (netip.Addr, bool) {
	first, last := s.Prefix.Masked().Addr(), netip.Addr{}
	if s.First.IsValid() {
		first, last = s.First, s.Last
	}
	for a := first; a.IsValid() && s.Prefix.Contains(a) && (!last.IsValid() || !last.Less(a)); a = a.Next() {
		if taken[a] == nil && n.Contains(a) == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// hardware is the address of the member's device: what was asked for, else docker's,
// which says the IP address and so is nobody else's in the network.
func hardware(living []Member, asked string, m *Member) (mac link.MAC, err error) {
	if asked != "" {
		if mac, err = link.ParseMAC(asked); err != nil {
			return mac, err
		}
	} else {
		mac = link.MAC{0x02, 0x42}
		ip := m.Addresses()[0].AsSlice()
		copy(mac[2:], ip[len(ip)-4:])
	}
	m.MAC = mac.String()
	for i := range living {
		if living[i].MAC == m.MAC {
			return mac, fmt.Errorf("%w: %s, by container %s\n  fix: another --mac-address, or none", ErrTaken, m.MAC, living[i].Name)
		}
	}
	return mac, nil
}
