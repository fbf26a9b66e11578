package bridge

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/bridge/nft"
)

// Device is the name of the host's device.
const Device = "coracle0"

// Port is a port of the host's that leads to a member.
type Port struct {
	// Protocol is unix.IPPROTO_TCP or unix.IPPROTO_UDP.
	Protocol byte
	// HostIP is the zero value for every address of the host, and an unspecified one for
	// every one of its family.
	HostIP                  netip.Addr
	HostPort, ContainerPort uint16
}

// Member is a container, as the rules know it.
type Member struct {
	// ID is the container's, of 64 hexadecimal digits.
	ID string
	// Addresses are one of IPv4, and one of IPv6 or none.
	Addresses []netip.Addr
	Ports     []Port
}

// Table is the name of a member's table.
func Table(id string) string { return "coracle-" + id[:min(len(id), 12)] }

// icmpRouterAdvertisement is type 134 of ICMPv6 (RFC 4861, 4.2).
const icmpRouterAdvertisement = 134

// rules are a member's table. What they say of the network as a whole each member's
// table says again: which of them is the last one left nobody knows beforehand.
func rules(subnets []netip.Prefix, m Member) nft.Table {
	return nft.Table{Name: Table(m.ID), Chains: []nft.Chain{
		{Name: "prerouting", Kind: "nat", Hook: unix.NF_INET_PRE_ROUTING, Priority: nft.DestinationNAT, Rules: published(m)},
		{Name: "input", Kind: "filter", Hook: unix.NF_INET_LOCAL_IN, Priority: nft.Filter, Rules: closed()},
		{Name: "forward", Kind: "filter", Hook: unix.NF_INET_FORWARD, Priority: nft.Filter, Rules: through(subnets)},
		{Name: "postrouting", Kind: "nat", Hook: unix.NF_INET_POST_ROUTING, Priority: nft.SourceNAT, Rules: outward(subnets)},
	}}
}

func rule(end nft.Expr, questions ...[]nft.Expr) nft.Rule {
	return append(slices.Concat(questions...), end)
}

// closed lets nothing of the network to the host but echoes, errors and what IPv6
// finds its neighbours with. A router's advertisement would make the host send its
// own packets into the network (CVE-2020-10749).
func closed() []nft.Rule {
	in := nft.In(Device)
	return []nft.Rule{
		rule(nft.Decide(nft.Accept), in, nft.Known()),
		rule(nft.Decide(nft.Accept), in, nft.Protocol(unix.IPPROTO_ICMP)),
		rule(nft.Decide(nft.Drop), in, nft.Protocol(unix.IPPROTO_ICMPV6), nft.ICMPType(icmpRouterAdvertisement)),
		rule(nft.Decide(nft.Accept), in, nft.Protocol(unix.IPPROTO_ICMPV6)),
		rule(nft.Reject(), in),
	}
}

// through lets out what has an address of the network, and in what belongs to it or
// to published ports.
func through(subnets []netip.Prefix) (list []nft.Rule) {
	in, out := nft.In(Device), nft.Out(Device, true)
	for _, p := range subnets {
		list = append(list, rule(nft.Decide(nft.Drop), in, nft.Family(p.Addr()), nft.From(p, false)))
	}
	if !slices.ContainsFunc(subnets, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
		list = append(list, rule(nft.Decide(nft.Drop), in, nft.Family(netip.IPv6Unspecified())))
	}
	return append(list,
		rule(nft.Decide(nft.Accept), out, nft.Known()),
		rule(nft.Decide(nft.Accept), out, nft.Redirected()),
		rule(nft.Decide(nft.Drop), out),
	)
}

// outward gives what leaves the network the address of the host. So it does to what
// comes back into it from a published port: the answer would otherwise not pass by
// here.
func outward(subnets []netip.Prefix) (list []nft.Rule) {
	for _, p := range subnets {
		from := slices.Concat(nft.Family(p.Addr()), nft.From(p, true))
		list = append(list,
			rule(nft.Masquerade(), from, nft.Out(Device, false)),
			rule(nft.Masquerade(), from, nft.Out(Device, true), nft.Redirected()),
		)
	}
	return list
}

// selves are addresses of the host that nobody else can mean by them, or that have no
// way back through a gateway: who connects there connects to the supervisor.
func selves() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8), netip.PrefixFrom(netip.IPv6Loopback(), 128),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80}), 10),
	}
}

func published(m Member) (list []nft.Rule) {
	for _, p := range m.Ports {
		for _, a := range m.Addresses {
			var to []nft.Expr
			switch {
			case p.HostIP.IsUnspecified() && p.HostIP.Is4() != a.Is4():
				continue
			case !p.HostIP.IsValid() || p.HostIP.IsUnspecified():
				to = nft.Local()
				for _, o := range selves() {
					if o.Addr().Is4() == a.Is4() {
						to = append(to, nft.To(o, false)...)
					}
				}
			case p.HostIP.Is4() != a.Is4() || p.HostIP.IsLoopback() || p.HostIP.IsLinkLocalUnicast():
				continue
			default:
				to = nft.To(netip.PrefixFrom(p.HostIP, p.HostIP.BitLen()), true)
			}
			list = append(list, slices.Concat(nft.Family(a), to, nft.Protocol(p.Protocol), nft.Port(p.HostPort),
				nft.DNAT(netip.AddrPortFrom(a, p.ContainerPort))))
		}
	}
	return list
}

// Protect makes a member's table. It lives until the connection, and every copy of
// its descriptor, is closed.
func Protect(subnets []netip.Prefix, m Member) (*nft.Conn, error) {
	c, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	if err := add(c, rules(subnets, m)); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// goneAfter bounds how long the kernel may take to remove the table of a process that
// was killed: its locks may be free before.
const goneAfter = 2 * time.Second

func add(c *nft.Conn, t nft.Table) error {
	var b nft.Batch
	b.Add(t)
	for deadline := time.Now().Add(goneAfter); ; time.Sleep(10 * time.Millisecond) {
		err := c.Apply(&b)
		if !errors.Is(err, unix.EEXIST) || time.Now().After(deadline) {
			return explain(err)
		}
	}
}
