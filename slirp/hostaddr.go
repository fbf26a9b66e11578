package slirp

import (
	"fmt"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hostAddresses are the host's own, and the networks that it is in, kept up to date
// by rtnetlink(7).
type hostAddresses struct {
	fd  int
	all map[hostAddress]bool
	// count is on how many devices an address is. That with which a machine speaks to
	// all others of a network is its own, too.
	count map[netip.Addr]int
	// whole are networks of which each address is the host's: those of its loopback
	// device. nets are those that others are in, too.
	whole, nets []netip.Prefix
	buf         [32 << 10]byte
}

type hostAddress struct {
	netip.Prefix
	device    uint32
	broadcast netip.Addr
}

// loopbackDevice is the first of every network namespace (LOOPBACK_IFINDEX).
const loopbackDevice = 1

// openHostAddresses begins to listen, and asks for those that there are.
func openHostAddresses() (*hostAddresses, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	h := &hostAddresses{fd: fd}
	const groups = unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot listen to changes of the host's addresses: %w", err)
	}
	return h, h.reload()
}

// reload asks for all.
func (h *hostAddresses) reload() error {
	h.all, h.count, h.whole, h.nets = make(map[hostAddress]bool), make(map[netip.Addr]int), nil, nil
	request := struct {
		unix.NlMsghdr
		unix.IfAddrmsg
	}{NlMsghdr: unix.NlMsghdr{
		Len: unix.SizeofNlMsghdr + unix.SizeofIfAddrmsg, Type: unix.RTM_GETADDR, Flags: unix.NLM_F_REQUEST | unix.NLM_F_DUMP,
	}}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&request)), unsafe.Sizeof(request))
	if err := unix.Sendto(h.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("cannot ask for the host's addresses: %w", err)
	}
	for {
		done, err := h.read(0)
		if done || err != nil {
			return err
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLIN}}, 1000)
	}
}

// changed takes what the kernel has told.
func (h *hostAddresses) changed() {
	for {
		_, err := h.read(unix.MSG_DONTWAIT)
		switch err {
		case nil:
		case unix.ENOBUFS: // some were lost
			_ = h.reload()
			return
		default:
			return
		}
	}
}

// read takes one datagram; done: the last of a dump.
func (h *hostAddresses) read(flags int) (done bool, err error) {
	n, _, err := unix.Recvfrom(h.fd, h.buf[:], flags)
	if err == unix.EAGAIN && flags == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for b := h.buf[:n]; len(b) >= unix.SizeofNlMsghdr; {
		m := (*unix.NlMsghdr)(unsafe.Pointer(&b[0]))
		size := int(m.Len)
		if size < unix.SizeofNlMsghdr || size > len(b) {
			break
		}
		switch m.Type {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			done = true
		case unix.RTM_NEWADDR:
			h.note(b[unix.SizeofNlMsghdr:size], true)
		case unix.RTM_DELADDR:
			h.note(b[unix.SizeofNlMsghdr:size], false)
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return done, nil
}

// note takes one address, which may be told of again and again.
func (h *hostAddresses) note(b []byte, there bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return
	}
	m := (*unix.IfAddrmsg)(unsafe.Pointer(&b[0]))
	var local, address, broadcast netip.Addr
	for b = b[unix.SizeofIfAddrmsg:]; len(b) >= unix.SizeofRtAttr; {
		a := (*unix.RtAttr)(unsafe.Pointer(&b[0]))
		size := int(a.Len)
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		switch ip, ok := netip.AddrFromSlice(b[unix.SizeofRtAttr:size]); {
		case !ok:
		case a.Type == unix.IFA_LOCAL:
			local = ip
		case a.Type == unix.IFA_ADDRESS:
			address = ip
		case a.Type == unix.IFA_BROADCAST:
			broadcast = ip
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	network := netip.PrefixFrom(address, int(m.Prefixlen)).Masked()
	if local.IsValid() { // IFA_ADDRESS is the other end's, then
		address = local
	}
	key := hostAddress{netip.PrefixFrom(address, int(m.Prefixlen)), m.Index, broadcast}
	if !key.IsValid() || h.all[key] == there {
		return
	}
	step := -1
	if there {
		step = 1
		h.all[key] = true
	} else {
		delete(h.all, key)
	}
	for _, a := range []netip.Addr{address, broadcast} {
		if !a.IsValid() {
			continue
		}
		if h.count[a] += step; h.count[a] == 0 {
			delete(h.count, a)
		}
	}
	h.inNetwork(network, m.Index == loopbackDevice, there)
}

// inNetwork notes that the host is in a network, or no more. One that it is in twice
// is listed twice.
func (h *hostAddresses) inNetwork(p netip.Prefix, loopback, there bool) {
	list := &h.nets
	if loopback {
		list = &h.whole
	}
	switch i := slices.Index(*list, p); {
	case !p.IsValid() || p.IsSingleIP() || p.Bits() == 0 || p.Addr().IsLoopback():
	case there:
		*list = append(*list, p)
	case i >= 0:
		*list = slices.Delete(*list, i, i+1)
	}
}

// has tells whether an address is the host's.
func (h *hostAddresses) has(a netip.Addr) bool {
	return h.count[a] > 0 || slices.ContainsFunc(h.whole, func(p netip.Prefix) bool { return p.Contains(a) })
}

// near tells whether an address is in a network that the host is in.
func (h *hostAddresses) near(a netip.Addr) bool {
	return slices.ContainsFunc(h.nets, func(p netip.Prefix) bool { return p.Contains(a) })
}
