// Package packet reads and writes the headers that a user-mode network stack
// meets on a TUN device: virtio-net, IPv4, IPv6, TCP, UDP, ICMP. Nothing in it
// allocates, and every length of a packet is checked before it is believed.
package packet

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Addr is an address of either family; IPv4 is mapped into IPv6 (RFC 4291,
// 2.5.5.2). It is comparable, a map key without a pointer.
type Addr [16]byte

var mapped = [12]byte{10: 0xff, 11: 0xff}

// From4 is the address of 4 bytes.
func From4(b []byte) (a Addr) {
	copy(a[:12], mapped[:])
	copy(a[12:], b[:4])
	return a
}

// From is the address that a is.
func From(a netip.Addr) Addr { return a.As16() }

// Is4 tells an IPv4 address.
func (a *Addr) Is4() bool { return [12]byte(a[:12]) == mapped }

// Netip is the address as the library has it.
func (a Addr) Netip() netip.Addr { return netip.AddrFrom16(a).Unmap() }

// Protocols above IP, as IANA numbers them.
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// Errors of the parsers. They are values without context: at millions of packets
// a second, whoever counts them knows enough.
var (
	ErrShort       = errors.New("packet is cut off")
	ErrHeader      = errors.New("header contradicts itself")
	ErrUnsupported = errors.New("protocol is not served")
	ErrChecksum    = errors.New("checksum is wrong")
)

// IP is a parsed IP header.
type IP struct {
	Src, Dst Addr
	Protocol uint8
	// Payload follows all headers of IP. It points into the packet.
	Payload []byte
	V6      bool
	// Fragment is set for a part of a datagram: at byte Offset, with others to come
	// if More, all of the same ID.
	Fragment bool
	More     bool
	Offset   int
	ID       uint32
}

// Fixed sizes of headers, in bytes.
const (
	IPv4Len = 20
	IPv6Len = 40
	TCPLen  = 20
	UDPLen  = 8
	ICMPLen = 8
)

// ParseIP reads an IPv4 (RFC 791) or IPv6 (RFC 8200) packet.
func ParseIP(b []byte, h *IP) error {
	if len(b) < 1 {
		return ErrShort
	}
	switch b[0] >> 4 {
	case 4:
		return parse4(b, h)
	case 6:
		return parse6(b, h)
	}
	return ErrHeader
}

func parse4(b []byte, h *IP) error {
	if len(b) < IPv4Len {
		return ErrShort
	}
	size, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if size < IPv4Len || total < size {
		return ErrHeader
	}
	if total > len(b) {
		return ErrShort
	}
	if Checksum(b[:size], 0) != 0 {
		return ErrChecksum
	}
	at := binary.BigEndian.Uint16(b[6:])
	*h = IP{
		Src: From4(b[12:16]), Dst: From4(b[16:20]), Protocol: b[9], Payload: b[size:total],
		More: at&0x2000 != 0, Offset: int(at&0x1fff) * 8, ID: uint32(binary.BigEndian.Uint16(b[4:])),
	}
	h.Fragment = h.More || h.Offset > 0
	return nil
}

// maxExtensions bounds the chain of IPv6 extension headers.
const maxExtensions = 8

func parse6(b []byte, h *IP) error {
	if len(b) < IPv6Len {
		return ErrShort
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	if IPv6Len+size > len(b) {
		return ErrShort
	}
	*h = IP{V6: true, Src: Addr(b[8:24]), Dst: Addr(b[24:40]), Protocol: b[6], Payload: b[IPv6Len : IPv6Len+size]}
	for range maxExtensions {
		p := h.Payload
		switch h.Protocol {
		case 0, 43, 60: // hop-by-hop, routing, destination options
			if len(p) < 8 {
				return ErrShort
			}
			n := 8 + int(p[1])*8
			if n > len(p) {
				return ErrShort
			}
			h.Protocol, h.Payload = p[0], p[n:]
		case 44: // fragment
			if len(p) < 8 {
				return ErrShort
			}
			if h.Fragment {
				return ErrHeader
			}
			at := binary.BigEndian.Uint16(p[2:])
			h.More, h.Offset, h.ID = at&1 != 0, int(at&^7), binary.BigEndian.Uint32(p[4:])
			h.Fragment = h.More || h.Offset > 0
			h.Protocol, h.Payload = p[0], p[8:]
			if h.Offset > 0 {
				return nil // what follows are bytes from the middle
			}
		default:
			return nil
		}
	}
	return ErrHeader
}

// PutIPv4 writes a header without options in front of size bytes of payload.
func PutIPv4(b []byte, src, dst *Addr, protocol uint8, size int, id uint16) {
	_ = b[:IPv4Len]
	b[0], b[1] = 4<<4|IPv4Len/4, 0
	binary.BigEndian.PutUint16(b[2:], uint16(IPv4Len+size))
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], 0x4000) // do not fragment
	b[8], b[9], b[10], b[11] = 64, protocol, 0, 0
	copy(b[12:16], src[12:])
	copy(b[16:20], dst[12:])
	binary.BigEndian.PutUint16(b[10:], Checksum(b[:IPv4Len], 0))
}

// PutIPv6 does so for IPv6.
func PutIPv6(b []byte, src, dst *Addr, protocol uint8, size int) {
	_ = b[:IPv6Len]
	b[0], b[1], b[2], b[3] = 6<<4, 0, 0, 0
	binary.BigEndian.PutUint16(b[4:], uint16(size))
	b[6], b[7] = protocol, 64
	copy(b[8:24], src[:])
	copy(b[24:40], dst[:])
}

// PutIP writes the header of the family that the addresses are of and returns
// its length.
func PutIP(b []byte, src, dst *Addr, protocol uint8, size int, id uint16) int {
	if dst.Is4() {
		PutIPv4(b, src, dst, protocol, size, id)
		return IPv4Len
	}
	PutIPv6(b, src, dst, protocol, size)
	return IPv6Len
}
