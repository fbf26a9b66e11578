package networks

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Params says what network to make.
type Params struct {
	Name   string
	Driver string // empty: [DriverBridge]
	// Subnets are at most one of IPv4 and one of IPv6. A missing gateway is the first
	// address. Without any, or where a family is missing, one is chosen.
	Subnets []Subnet
	// IPv6 asks for a subnet of each family.
	IPv6       bool
	Internal   bool
	DisableDNS bool
	Labels     map[string]string
	Options    map[string]string
}

// The widest subnets that make sense: a class A network of the old times, and more
// than anybody was ever given (RFC 6177).
const (
	widest4, widest6 = 8, 32
	// narrowest leaves two addresses, the gateway's and a member's.
	narrowest4, narrowest6 = 30, 126
)

// check completes a subnet and says what is wrong with it.
func (s *Subnet) check() error {
	p := s.Prefix
	a := p.Addr()
	if !p.IsValid() || a.Is4In6() || a.Zone() != "" {
		return fmt.Errorf("%w: subnet %s: a network such as 10.89.0.0/24 or fd00:1::/64 is wanted", ErrInvalid, p)
	}
	p = p.Masked()
	s.Prefix, a = p, p.Addr()
	wide, narrow := widest4, narrowest4
	if a.Is6() {
		wide, narrow = widest6, narrowest6
	}
	switch {
	case p.Bits() < wide || p.Bits() > narrow:
		return fmt.Errorf("%w: subnet %s: /%d to /%d are possible", ErrInvalid, p, wide, narrow)
	case a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 224):
		return fmt.Errorf("%w: subnet %s: these addresses have a meaning of their own\n  fix: a private network, such as 10.89.0.0/24", ErrInvalid, p)
	}
	if !s.Gateway.IsValid() {
		s.Gateway = a.Next()
	}
	if g := s.Gateway; !p.Contains(g) || g == a || g.Is4() && g == last(p) {
		return fmt.Errorf("%w: gateway %s is no address of the subnet %s", ErrInvalid, g, p)
	}
	if s.First.IsValid() || s.Last.IsValid() {
		if !p.Contains(s.First) || !p.Contains(s.Last) || s.Last.Less(s.First) {
			return fmt.Errorf("%w: range %s-%s is not in the subnet %s", ErrInvalid, s.First, s.Last, p)
		}
		if s.First == s.Last && s.First == s.Gateway {
			return fmt.Errorf("%w: range %s-%s holds nothing but the gateway", ErrInvalid, s.First, s.Last)
		}
	}
	return nil
}

// checkSubnets checks all of a network's, and brings IPv4 to the front.
func checkSubnets(list []Subnet) ([]Subnet, error) {
	var sorted []Subnet
	for _, four := range []bool{true, false} {
		count := 0
		for _, s := range list {
			if s.Prefix.Addr().Is4() != four {
				continue
			}
			if err := s.check(); err != nil {
				return nil, err
			}
			if count++; count > 1 {
				return nil, fmt.Errorf("%w: subnet %s is the second of its family; one IPv4 and one IPv6 subnet are possible", ErrInvalid, s.Prefix)
			}
			sorted = append(sorted, s)
		}
	}
	return sorted, nil
}

// The MTU's bounds: the least of IPv4 (RFC 791), and the greatest that a veth takes.
const leastMTU, mostMTU = 68, 65535

// always are options of docker's and podman's that say what is so anyway, and what to do
// where it is not wanted.
func always() map[string]string {
	masquerade, together := "networks have a way out\n  fix: --internal, for none", "containers of a network reach each other\n  fix: a network for each"
	return map[string]string{
		"isolate": "networks are isolated from each other\n  fix: connect a container to both",
		"com.docker.network.bridge.enable_ip_masquerade": masquerade,
		"com.docker.network.bridge.enable_icc":           together,
	}
}

// ParseOptions checks options of the driver, and gives them their own names. Errors:
// [ErrInvalid].
func ParseOptions(options map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(options))
	for key, value := range options {
		so, known := always()[key]
		switch on, err := strconv.ParseBool(value); {
		case known && (err == nil && on || value == "" || value == "strict"):
		case known:
			return nil, fmt.Errorf("%w: --opt %s=%s: %s", ErrInvalid, key, value, so)
		case key == OptionMTU || key == OptionMTUDocker:
			n, err := strconv.Atoi(value)
			if err != nil || n < leastMTU || n > mostMTU {
				return nil, fmt.Errorf("%w: --opt %s=%s: %d to %d bytes are possible", ErrInvalid, key, value, leastMTU, mostMTU)
			}
			out[OptionMTU] = strconv.Itoa(n)
		default:
			return nil, fmt.Errorf("%w: --opt %s: unknown; mtu=BYTES is possible", ErrInvalid, key)
		}
	}
	return out, nil
}

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := range b {
		if kept := p.Bits() - 8*i; kept < 8 {
			b[i] |= byte(0xff >> max(kept, 0))
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// ParseRange reads the addresses to give out, a part of a subnet: CIDR, or FIRST-LAST.
func ParseRange(s string) (first, end netip.Addr, err error) {
	const wanted = "a part of the subnet is wanted, such as 10.89.0.128/25 or 10.89.0.10-10.89.0.20"
	if from, to, ok := strings.Cut(s, "-"); ok {
		first, err1 := netip.ParseAddr(from)
		end, err2 := netip.ParseAddr(to)
		if err1 != nil || err2 != nil || first.Is4() != end.Is4() {
			return first, end, fmt.Errorf("%w: %s", ErrInvalid, wanted)
		}
		return first, end, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return first, end, fmt.Errorf("%w: %s", ErrInvalid, wanted)
	}
	return p.Masked().Addr(), last(p), nil
}

// Range is what addresses are given out of, as docker has it; not ok when there is none,
// or it has no such form.
func (s *Subnet) Range() (netip.Prefix, bool) {
	if !s.First.IsValid() {
		return netip.Prefix{}, false
	}
	for bits := s.Prefix.Bits(); bits <= s.First.BitLen(); bits++ {
		if p := netip.PrefixFrom(s.First, bits); p == p.Masked() && last(p) == s.Last {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
