package bridge

import (
	"crypto/sha256"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"

	"coracle/slirp/networks"
)

// ErrNoSubnet says that every subnet for the bridge is in use.
var ErrNoSubnet = errors.New("the host's routes leave no room for a bridge: 10.64.0.0/16 to 10.88.0.0/16 are all taken\n  fix: coracle network create NAME, and --network NAME")

const (
	// firstChoice is 10.88.0.0/16, podman's for root; the next lower that is free
	// down to lastChoice, because user networks begin above.
	firstChoice, lastChoice = 88, 64
	bits4, bits6            = 16, 64
)

// Subnets are the networks of the bridge: those that the device has, when there is
// one; else a free one of IPv4, and one of IPv6 if the host has that and forwards it.
func Subnets(routes []networks.Route) (four, six networks.Subnet, err error) {
	return choose(routes, hasIPv6(os.ReadFile) && CanForward6(), globalID(os.ReadFile))
}

func choose(routes []networks.Route, wantSix bool, id [5]byte) (four, six networks.Subnet, err error) {
	up := false
	for _, r := range routes {
		switch {
		case r.Device != Device:
		case r.Prefix.Addr().Is4() && r.Prefix.Bits() == bits4:
			four, up = subnet(r.Prefix), true
		case r.Prefix.Bits() == bits6 && !r.Prefix.Addr().IsLinkLocalUnicast() && r.Prefix.Addr().Is6():
			six = subnet(r.Prefix)
		}
	}
	if up {
		return four, six, nil
	}
	free := func(p netip.Prefix) bool {
		return !slices.ContainsFunc(routes, func(r networks.Route) bool { return r.Device != Device && r.Prefix.Overlaps(p) })
	}
	for second := firstChoice; ; second-- {
		if second < lastChoice {
			return four, six, ErrNoSubnet
		}
		if p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second)}), bits4); free(p) {
			four = subnet(p)
			break
		}
	}
	// RFC 4193, 3.2: the machine's own 40 bits, the same each time.
	b := [16]byte{0: 0xfd, 7: firstChoice}
	copy(b[1:6], id[:])
	if p := netip.PrefixFrom(netip.AddrFrom16(b), bits6); wantSix && free(p) {
		six = subnet(p)
	}
	return four, six, nil
}

// subnet says who has which address: the gateway, which each container's supervisor
// answers for, the first; the host's own device the last.
func subnet(p netip.Prefix) networks.Subnet {
	gateway := p.Masked().Addr().Next()
	return networks.Subnet{Prefix: p, Gateway: gateway, First: gateway.Next(), Last: HostSide(p).Addr().Prev()}
}

// HostSide is the address of the host's device in a subnet, with the subnet's bits.
func HostSide(p netip.Prefix) netip.Prefix {
	b := p.Masked().Addr().AsSlice()
	if p.Addr().Is4() {
		for i := p.Bits() / 8; i < len(b); i++ {
			b[i] = 0xff
		}
		b[len(b)-1] = 0xfe
	} else {
		b[len(b)-2], b[len(b)-1] = 0xff, 0xfe
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, p.Bits())
}

type readFile func(string) ([]byte, error)

// hasIPv6 tells whether a device besides ours has an address of the world's.
func hasIPv6(read readFile) bool {
	b, err := read("/proc/self/net/if_inet6")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		const scope, global = 3, "00" // fields of proc_pid_net(5): address, index, bits, scope, flags, device
		if f := strings.Fields(line); len(f) == 6 && f[scope] == global && f[5] != Device && f[5] != "lo" {
			return true
		}
	}
	return false
}

// globalID is the machine's part of a unique local address.
func globalID(read readFile) (id [5]byte) {
	b, err := read("/etc/machine-id")
	if err != nil {
		b, _ = read("/proc/sys/kernel/random/boot_id")
	}
	// machine-id(5) asks that the id itself is not told to others.
	sum := sha256.Sum256(append([]byte("coracle bridge "), b...))
	copy(id[:], sum[:])
	return id
}
