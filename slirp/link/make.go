package link

import (
	"golang.org/x/sys/unix"
)

// Bridge is a bridge to be made.
type Bridge struct {
	Name string
	MAC  MAC // zero: the kernel's choice, which changes with the devices in it
	MTU  int
}

// AddBridge makes a bridge, which is not switched on yet. Its ports forward from
// the moment they are in it: no spanning tree, no delay.
func (c *Conn) AddBridge(b Bridge) error {
	var m unix.IfInfomsg
	body := [][]byte{
		bytesOf(&m), attribute(unix.IFLA_IFNAME, text(b.Name)),
		attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, text("bridge")),
			attribute(unix.IFLA_INFO_DATA,
				attribute(unix.IFLA_BR_FORWARD_DELAY, number(uint32(0))),
				attribute(unix.IFLA_BR_STP_STATE, number(uint32(0))),
				// Without a querier it forgets who listens, and multicast (the neighbour
				// discovery of IPv6, too) reaches nobody after some minutes.
				attribute(unix.IFLA_BR_MCAST_SNOOPING, number(uint8(0))))),
	}
	if b.MAC != (MAC{}) {
		body = append(body, attribute(unix.IFLA_ADDRESS, b.MAC[:]))
	}
	if b.MTU > 0 {
		body = append(body, attribute(unix.IFLA_MTU, number(uint32(b.MTU))))
	}
	return c.ask(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body...)
}

// Veth is a pair of devices to be made: what goes in at one end comes out at the
// other.
type Veth struct {
	Name string // of the end in this namespace; empty: vethN
	MTU  int    // of both; 0: 1500
	// Master is the index of a bridge that this end is to be in, 0 for none.
	Master int
	// Peer is the other end's name, PeerMAC its address (zero: a random one),
	// PeerNS the network namespace it is in from the start, by descriptor. The
	// caller needs CAP_NET_ADMIN over that, too.
	Peer    string
	PeerMAC MAC
	PeerNS  int
}

// vethInfoPeer is VETH_INFO_PEER of linux/veth.h.
const vethInfoPeer = 1

// AddVeth makes a pair, not switched on yet. EEXIST: a device of the name is in
// one of the namespaces.
func (c *Conn) AddVeth(v Veth) error {
	var m unix.IfInfomsg
	peer := [][]byte{bytesOf(&m), attribute(unix.IFLA_IFNAME, text(v.Peer)), attribute(unix.IFLA_NET_NS_FD, number(uint32(v.PeerNS)))}
	if v.PeerMAC != (MAC{}) {
		peer = append(peer, attribute(unix.IFLA_ADDRESS, v.PeerMAC[:]))
	}
	body := [][]byte{bytesOf(&m)}
	if v.MTU > 0 {
		mtu := attribute(unix.IFLA_MTU, number(uint32(v.MTU)))
		peer, body = append(peer, mtu), append(body, mtu)
	}
	if v.Name != "" {
		body = append(body, attribute(unix.IFLA_IFNAME, text(v.Name)))
	}
	if v.Master != 0 {
		body = append(body, attribute(unix.IFLA_MASTER, number(uint32(v.Master))))
	}
	body = append(body, attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, text("veth")),
		attribute(unix.IFLA_INFO_DATA, attribute(vethInfoPeer, peer...))))
	return c.ask(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body...)
}

const (
	forwarding      = 1 // IPV4_DEVCONF_FORWARDING of linux/ip.h
	addrGenModeNone = 1 // IN6_ADDR_GEN_MODE_NONE of linux/if_link.h
)

// Mute keeps the kernel from using a device by itself: no link-local address of
// IPv6 when it is switched on. For ends that are only a bridge's.
func (c *Conn) Mute(index int) error {
	m := unix.IfInfomsg{Index: int32(index)}
	return c.ask(unix.RTM_NEWLINK, 0, bytesOf(&m), attribute(unix.IFLA_AF_SPEC,
		attribute(unix.AF_INET6, attribute(unix.IFLA_INET6_ADDR_GEN_MODE, number(uint8(addrGenModeNone))))))
}

// NoForwarding keeps IPv4 packets that come in through a device from being routed
// on, whatever the namespace has inherited: the kernel copies the host's
// net.ipv4.conf into each new one (devinet_init_net), and a host of containers
// has ip_forward on.
func (c *Conn) NoForwarding(index int) error {
	m := unix.IfInfomsg{Index: int32(index)}
	return c.ask(unix.RTM_NEWLINK, 0, bytesOf(&m), attribute(unix.IFLA_AF_SPEC,
		attribute(unix.AF_INET, attribute(unix.IFLA_INET_CONF, attribute(forwarding, number(uint32(0)))))))
}
