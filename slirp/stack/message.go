package stack

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is what recvmsg(2) and sendmsg(2) work with, without the allocation
// that package unix makes for each address.
type message struct {
	header  unix.Msghdr
	vec     unix.Iovec
	name    unix.RawSockaddrAny
	control [256]byte
}

func (m *message) prepare(b []byte) {
	m.header = unix.Msghdr{Iov: &m.vec}
	m.header.SetIovlen(1)
	m.vec.Base = unsafe.SliceData(b)
	m.vec.SetLen(len(b))
}

// failure reads one error from a socket's queue (IP_RECVERR, ip(7)): the datagram
// that it is about, where that went, and why it did not arrive.
func (m *message) failure(fd int, b []byte) (n int, to netip.AddrPort, why, err unix.Errno) {
	m.prepare(b)
	m.header.Name, m.header.Namelen = (*byte)(unsafe.Pointer(&m.name)), uint32(unsafe.Sizeof(m.name))
	m.header.Control = &m.control[0]
	m.header.SetControllen(len(m.control))
	r, _, err := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != 0 {
		return 0, to, 0, err
	}
	control(m.control[:min(int(m.header.Controllen), len(m.control))], func(level, kind int32, data []byte) {
		recv := level == unix.IPPROTO_IP && kind == unix.IP_RECVERR || level == unix.IPPROTO_IPV6 && kind == unix.IPV6_RECVERR
		if recv && len(data) >= 16 {
			why = unix.Errno(binary.NativeEndian.Uint32(data))
		}
	})
	return int(r), address(&m.name), why, 0
}

// control calls f for each control message in b (cmsg(3)).
func control(b []byte, f func(level, kind int32, data []byte)) {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(b) {
			return
		}
		f(h.Level, h.Type, b[unix.SizeofCmsghdr:size])
		b = b[min(len(b), unix.CmsgSpace(size-unix.SizeofCmsghdr)):]
	}
}

func address(name *unix.RawSockaddrAny) netip.AddrPort {
	switch name.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), port(&a.Port))
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), port(&a.Port))
	}
	return netip.AddrPort{}
}

// port is in the order of the network.
func port(p *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:])
}

// send writes b to an address, none for a connected socket; as datagrams of each
// bytes when that is not 0 (UDP_SEGMENT, udp(7)).
func (m *message) send(fd int, b []byte, to netip.AddrPort, each int) unix.Errno {
	m.prepare(b)
	if to.IsValid() {
		m.header.Name = (*byte)(unsafe.Pointer(&m.name))
		m.header.Namelen = m.setName(to)
	}
	if each > 0 {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&m.control[0]))
		h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		h.SetLen(unix.CmsgLen(2))
		binary.NativeEndian.PutUint16(m.control[unix.SizeofCmsghdr:], uint16(each))
		m.header.Control = &m.control[0]
		m.header.SetControllen(unix.CmsgSpace(2))
	}
	_, _, err := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return err
}

func (m *message) setName(to netip.AddrPort) uint32 {
	if a := to.Addr().Unmap(); a.Is4() {
		raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(&m.name))
		*raw = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&raw.Port))[:], to.Port())
		return unix.SizeofSockaddrInet4
	}
	raw := (*unix.RawSockaddrInet6)(unsafe.Pointer(&m.name))
	*raw = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: to.Addr().As16()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&raw.Port))[:], to.Port())
	return unix.SizeofSockaddrInet6
}

// batch gathers datagrams of one size to one place, which go out with one call.
type batch struct {
	flow  *udpFlow
	to    netip.AddrPort
	each  int
	n     int
	bytes []byte
}

// mostSegments bounds one call (UDP_MAX_SEGMENTS, 64 before Linux 6.9), mostBatch
// its bytes.
const (
	mostSegments = 64
	mostBatch    = 60000
)

// add takes datagrams: one, or several of each bytes.
func (t *batch) add(f *udpFlow, to netip.AddrPort, b []byte, each int) {
	if each > 0 || len(b) > mostBatch/2 || len(b) == 0 {
		t.flush()
		f.send(to, b, each)
		return
	}
	fits := t.flow == f && t.to == to && len(b) <= t.each && len(t.bytes)+len(b) <= mostBatch && t.n < mostSegments &&
		len(t.bytes)%t.each == 0 // a shorter one is the last
	if !fits {
		t.flush()
		t.flow, t.to, t.each = f, to, len(b)
	}
	t.bytes = append(t.bytes, b...)
	t.n++
}

// flush sends what was gathered.
func (t *batch) flush() {
	if t.n == 0 {
		return
	}
	each := t.each
	if t.n == 1 {
		each = 0
	}
	t.flow.send(t.to, t.bytes, each)
	t.n, t.bytes, t.flow = 0, t.bytes[:0], nil
}

// send gives datagrams to the socket.
func (f *udpFlow) send(to netip.AddrPort, b []byte, each int) {
	at := to
	if f.key.peerPort != 0 {
		at = netip.AddrPort{}
	}
	err := f.t.msg.send(f.fd, b, at, each)
	switch err {
	case unix.EIO, unix.EINVAL, unix.EMSGSIZE: // no segmentation there
		if each == 0 {
			return
		}
		for rest := b; len(rest) > 0; {
			n := min(each, len(rest))
			err = f.t.msg.send(f.fd, rest[:n], at, 0)
			rest = rest[n:]
		}
	case unix.ECONNREFUSED: // of an earlier one, which errors tells of
		err = f.t.msg.send(f.fd, b, at, each)
	}
	switch err {
	case 0, unix.EAGAIN, unix.ENOBUFS, unix.EINTR, unix.EIO, unix.EINVAL, unix.EMSGSIZE, unix.ECONNREFUSED:
		// Of what there is no room for nobody hears, as of any datagram.
	default:
		f.undelivered(to, b, err)
	}
}
