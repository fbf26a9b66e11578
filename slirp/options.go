package slirp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"coracle/slirp/egress"
)

// ErrOption is wrapped by every error about options.
var ErrOption = errors.New("invalid network option")

// Options are what a user may choose of a network.
type Options struct {
	// CIDR4 and CIDR6 are the networks in which the container is alone. The zero
	// value of CIDR6: no IPv6.
	CIDR4, CIDR6 netip.Prefix
	// MTU of the device, in bytes. With the offloads of the device it does not matter
	// for speed; 1500 is what everybody is tested with.
	MTU int
	// HostLoopback lets the container reach everything on the host: by the gateway's
	// address its loopback, by its own addresses what listens there.
	HostLoopback bool
	// HostPorts are ports of the host's loopback that the container reaches by the
	// gateway's address.
	HostPorts []uint16
	// Egress are the rules for where the container may speak to, see package egress.
	// None: anywhere but to the host.
	Egress []string
	// HideClients shows every client of a published port to the container as the
	// gateway, instead of with its own address.
	HideClients bool
	// place is nil for a container that is alone.
	place *Place
}

// Defaults are slirp4netns' addresses, which scripts know.
func Defaults() Options {
	return Options{CIDR4: netip.MustParsePrefix("10.0.2.0/24"), CIDR6: netip.MustParsePrefix("fd00::/64"), MTU: 1500}
}

// Bounds of the MTU: the least that IPv6 works with (RFC 8200, 5), and the
// greatest packet.
const (
	leastMTU  = 1280
	leastMTU4 = 576
	mostMTU   = 65520
)

// Set takes one option of --network slirp:NAME=VALUE,…: cidr, cidr6, mtu, ipv6,
// host-loopback, host-port, source-ip, egress. The names of slirp4netns' options in podman work, too. Errors
// wrap [ErrOption].
func (o *Options) Set(name, value string) error {
	switch name {
	case "cidr", "cidr6":
		p, err := netip.ParsePrefix(value)
		least := 29 // the addresses that Plan gives out
		if name == "cidr6" {
			least = 125
		}
		if err != nil || p.Addr().Is4() != (name == "cidr") || p.Bits() > least {
			return fmt.Errorf("%w: %s=%s: a network such as 10.0.2.0/24 or fd00::/64 is wanted, at most /%d", ErrOption, name, value, least)
		}
		if name == "cidr" {
			o.CIDR4 = p.Masked()
		} else {
			o.CIDR6 = p.Masked()
		}
	case "mtu":
		n, err := strconv.Atoi(value)
		least := leastMTU
		if !o.CIDR6.IsValid() {
			least = leastMTU4
		}
		if err != nil || n < least || n > mostMTU {
			return fmt.Errorf("%w: mtu=%s: %d to %d bytes are possible", ErrOption, value, least, mostMTU)
		}
		o.MTU = n
	case "ipv6", "enable_ipv6":
		on, err := parseBool(value)
		if err != nil {
			return fmt.Errorf("%w: %s=%s: true or false is wanted", ErrOption, name, value)
		}
		switch {
		case !on:
			o.CIDR6 = netip.Prefix{}
		case !o.CIDR6.IsValid():
			o.CIDR6 = Defaults().CIDR6
		}
	case "host-port":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%w: host-port=%s: a port is wanted, 1 to 65535", ErrOption, value)
		}
		o.HostPorts = append(o.HostPorts, uint16(n))
	case "egress":
		if _, err := egress.Parse([]string{value}); err != nil {
			return fmt.Errorf("%w: egress=%s: %w", ErrOption, value, err)
		}
		o.Egress = append(o.Egress, value)
	case "host-loopback", "allow_host_loopback":
		on, err := parseBool(value)
		if err != nil {
			return fmt.Errorf("%w: %s=%s: true or false is wanted", ErrOption, name, value)
		}
		o.HostLoopback = on
	case "source-ip":
		if value != "preserve" && value != "gateway" {
			return fmt.Errorf("%w: source-ip=%s: preserve or gateway is wanted", ErrOption, value)
		}
		o.HideClients = value == "gateway"
	default:
		return fmt.Errorf("%w: %q\n  fix: cidr=, cidr6=, mtu=, ipv6=, host-loopback=, host-port=, source-ip=, egress= are known", ErrOption, name)
	}
	return nil
}

// String are the options as [Parse] reads them.
func (o *Options) String() string {
	list := []string{"cidr=" + o.CIDR4.String(), "ipv6=false"}
	if o.CIDR6.IsValid() {
		list[1] = "cidr6=" + o.CIDR6.String()
	}
	list = append(list, "mtu="+strconv.Itoa(o.MTU))
	if o.HostLoopback {
		list = append(list, "host-loopback=true")
	}
	if o.HideClients {
		list = append(list, "source-ip=gateway")
	}
	for _, port := range o.HostPorts {
		list = append(list, "host-port="+strconv.Itoa(int(port)))
	}
	for _, rule := range egress.Split(o.Egress) {
		list = append(list, "egress="+rule)
	}
	return strings.Join(list, ",")
}

// parseBool is strconv's; an option without a value is meant.
func parseBool(s string) (bool, error) {
	if s == "" {
		return true, nil
	}
	return strconv.ParseBool(s)
}

// Parse reads a comma-separated list of options.
func Parse(list string) (Options, error) {
	o := Defaults()
	for option := range strings.SplitSeq(list, ",") {
		if option == "" {
			continue
		}
		name, value, _ := strings.Cut(option, "=")
		if err := o.Set(name, value); err != nil {
			return o, err
		}
	}
	return o, nil
}

// mostServers is how many name servers resolv.conf(5) has.
const mostServers = 3

// Plan is who has which address in a container's network. Those of a family that
// is not served are zero.
type Plan struct {
	Container4, Container6 netip.Prefix
	Gateway4, Gateway6     netip.Addr
	// DNS stand for the host's name servers, in their order.
	DNS [mostServers]netip.Addr
}

// Plan gives the addresses out, as slirp4netns does: the gateway has the second of
// the network, name servers those from the third on, the container the hundredth,
// or the last but one in a small network.
func (o *Options) Plan() (p Plan) {
	if o.place != nil {
		return o.place.plan()
	}
	p.Gateway4 = nth(o.CIDR4, 2)
	at := 100
	if size := 1 << (32 - o.CIDR4.Bits()); o.CIDR4.Bits() > 25 {
		at = size - 2
	}
	p.Container4 = netip.PrefixFrom(nth(o.CIDR4, at), o.CIDR4.Bits())
	for i := range p.DNS {
		p.DNS[i] = nth(o.CIDR4, 3+i)
	}
	if o.CIDR6.IsValid() {
		p.Gateway6 = nth(o.CIDR6, 2)
		at := 100
		if o.CIDR6.Bits() > 121 {
			at = 1<<(128-o.CIDR6.Bits()) - 2
		}
		p.Container6 = netip.PrefixFrom(nth(o.CIDR6, at), o.CIDR6.Bits())
	}
	return p
}

// nth is an address of a network.
func nth(p netip.Prefix, n int) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := len(b) - 1; n > 0; i-- {
		n += int(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
