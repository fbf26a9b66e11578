package networks

import (
	"fmt"
	"net/netip"
)

// Of 10.89.0.0/16 to 10.255.0.0/16 podman takes /24s, the first that is free.
const (
	firstSecond, lastSecond = 89, 255
	chosenBits4             = 24
	chosenBits6             = 64
	// manyTries is how many random networks of 2⁵⁶ are tried.
	manyTries = 64
)

// place chooses subnets where there are none, and refuses those that others have.
func (n *Network) place(others []*Network, both bool, routes func() ([]Route, error)) error {
	for _, s := range n.Subnets {
		for _, o := range others {
			if taken, ok := o.overlap(s.Prefix); ok {
				return fmt.Errorf("%w: subnet %s overlaps %s of the network %s\n  fix: another subnet, or none: one is chosen then", ErrInvalid, s.Prefix, taken, o.Name)
			}
		}
	}
	_, four := n.IPv4()
	_, six := n.IPv6()
	wantFour, wantSix := !four && (both || !six), !six && both
	if !wantFour && !wantSix {
		return nil
	}
	taken, err := routes()
	if err != nil {
		return err
	}
	free := func(p netip.Prefix) bool {
		for _, o := range others {
			if _, ok := o.overlap(p); ok {
				return false
			}
		}
		for _, r := range taken {
			if r.Prefix.Overlaps(p) {
				return false
			}
		}
		return true
	}
	var chosen []Subnet
	if wantFour {
		p, err := chooseIPv4(free)
		if err != nil {
			return err
		}
		chosen = append(chosen, Subnet{Prefix: p})
	}
	if wantSix {
		p, err := chooseIPv6(free)
		if err != nil {
			return err
		}
		chosen = append(chosen, Subnet{Prefix: p})
	}
	n.Subnets, err = checkSubnets(append(chosen, n.Subnets...))
	return err
}

func (n *Network) overlap(p netip.Prefix) (netip.Prefix, bool) {
	for _, s := range n.Subnets {
		if s.Prefix.Overlaps(p) {
			return s.Prefix, true
		}
	}
	return netip.Prefix{}, false
}

func chooseIPv4(free func(netip.Prefix) bool) (netip.Prefix, error) {
	for second := firstSecond; second <= lastSecond; second++ {
		for third := range 256 {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second), byte(third), 0}), chosenBits4)
			if free(p) {
				return p, nil
			}
		}
	}
	return netip.Prefix{}, fmt.Errorf("%w: no subnet of 10.%d.0.0 to 10.%d.255.0 is free\n  fix: --subnet 172.30.0.0/24", ErrInvalid, firstSecond, lastSecond)
}

// chooseIPv6 makes unique local addresses, whose 40 bits of global id and 16 of subnet
// id are random (RFC 4193, 3.2.1).
func chooseIPv6(free func(netip.Prefix) bool) (netip.Prefix, error) {
	for range manyTries {
		b := [16]byte{0: 0xfd}
		if err := random(b[1:8]); err != nil {
			return netip.Prefix{}, err
		}
		if p := netip.PrefixFrom(netip.AddrFrom16(b), chosenBits6); free(p) {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("%w: no IPv6 subnet of fd00::/8 is free\n  fix: --subnet fd00:1::/64", ErrInvalid)
}
