package link

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// Anywhere is the destination of the default route, in the family of an address.
func Anywhere(a netip.Addr) netip.Prefix {
	if a.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

// AddAddress gives a device an address, and with it the route to the network
// that the address is in.
func (c *Conn) AddAddress(index int, p netip.Prefix) error {
	m := unix.IfAddrmsg{Family: familyOf(p.Addr()), Prefixlen: uint8(p.Bits()), Index: uint32(index)}
	ip := p.Addr().AsSlice()
	body := [][]byte{bytesOf(&m), attribute(unix.IFA_LOCAL, ip), attribute(unix.IFA_ADDRESS, ip)}
	if p.Addr().Is6() {
		// Nobody else can have it, and waiting to make sure takes seconds.
		body = append(body, attribute(unix.IFA_FLAGS, number(uint32(unix.IFA_F_NODAD))))
	}
	return c.ask(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body...)
}

// Route is a way for packets.
type Route struct {
	Index int // of the device
	// To is where it leads. With no bits (0.0.0.0/0) it is the default route.
	To netip.Prefix
	// Gateway is asked to pass packets on; none: everybody is on the link.
	Gateway netip.Addr
	// Source is the preferred address of packets that have none yet; none: the
	// kernel's choice.
	Source netip.Addr
	// Metric orders routes to the same place; 0: the kernel's default.
	Metric int
}

func (r *Route) message() [][]byte {
	m := unix.RtMsg{
		Family: familyOf(r.To.Addr()), Dst_len: uint8(r.To.Bits()), Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BOOT,
		Scope: unix.RT_SCOPE_UNIVERSE, Type: unix.RTN_UNICAST,
	}
	if !r.Gateway.IsValid() && r.To.Addr().Is4() {
		m.Scope = unix.RT_SCOPE_LINK // or it cannot be the way to a gateway
	}
	body := [][]byte{bytesOf(&m), attribute(unix.RTA_OIF, number(uint32(r.Index)))}
	if r.To.Bits() > 0 {
		body = append(body, attribute(unix.RTA_DST, r.To.Masked().Addr().AsSlice()))
	}
	if r.Gateway.IsValid() {
		body = append(body, attribute(unix.RTA_GATEWAY, r.Gateway.AsSlice()))
	}
	if r.Source.IsValid() {
		body = append(body, attribute(unix.RTA_PREFSRC, r.Source.AsSlice()))
	}
	if r.Metric > 0 {
		body = append(body, attribute(unix.RTA_PRIORITY, number(uint32(r.Metric))))
	}
	return body
}

// AddRoute adds a route. EEXIST: there is one; ENETUNREACH: the gateway is not on
// the link, or the device is off.
func (c *Conn) AddRoute(r Route) error {
	return c.ask(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, r.message()...)
}

// DeleteRoute removes one. ESRCH: there is none.
func (c *Conn) DeleteRoute(r Route) error {
	return c.ask(unix.RTM_DELROUTE, 0, r.message()...)
}
