package packet

import "encoding/binary"

// Flags of a TCP segment (RFC 9293, 3.1).
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// Segment is a parsed TCP segment.
type Segment struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Flags            uint8
	Window           uint16 // as it stands there, not scaled
	Urgent           uint16
	Options          []byte
	Payload          []byte
}

// Len is the segment's length in sequence space.
func (s *Segment) Len() uint32 {
	n := uint32(len(s.Payload))
	if s.Flags&SYN != 0 {
		n++
	}
	if s.Flags&FIN != 0 {
		n++
	}
	return n
}

// ParseTCP reads a TCP segment.
func ParseTCP(b []byte, s *Segment) error {
	if len(b) < TCPLen {
		return ErrShort
	}
	size := int(b[12]>>4) * 4
	if size < TCPLen {
		return ErrHeader
	}
	if size > len(b) {
		return ErrShort
	}
	*s = Segment{
		SrcPort: binary.BigEndian.Uint16(b), DstPort: binary.BigEndian.Uint16(b[2:]),
		Seq: binary.BigEndian.Uint32(b[4:]), Ack: binary.BigEndian.Uint32(b[8:]),
		Flags: b[13], Window: binary.BigEndian.Uint16(b[14:]), Urgent: binary.BigEndian.Uint16(b[18:]),
		Options: b[TCPLen:size], Payload: b[size:],
	}
	return nil
}

// Kinds of TCP options.
const (
	optEnd           = 0
	optNop           = 1
	optMSS           = 2
	optScale         = 3
	optSACKPermitted = 4
	optSACK          = 5
)

// MaxScale is the greatest shift of a window (RFC 7323, 2.3).
const MaxScale = 14

// SynOptions are those of a SYN.
type SynOptions struct {
	MSS uint16 // 0: none
	// Scale is the shift of windows, -1 without the option.
	Scale         int
	SACKPermitted bool
}

// ParseSyn reads the options of a SYN. What is damaged ends the list.
func ParseSyn(b []byte) SynOptions {
	o := SynOptions{Scale: -1}
	options(b, func(kind uint8, v []byte) {
		switch {
		case kind == optMSS && len(v) == 2:
			o.MSS = binary.BigEndian.Uint16(v)
		case kind == optScale && len(v) == 1:
			o.Scale = min(int(v[0]), MaxScale)
		case kind == optSACKPermitted && len(v) == 0:
			o.SACKPermitted = true
		}
	})
	return o
}

func options(b []byte, each func(kind uint8, value []byte)) {
	for len(b) > 0 && b[0] != optEnd {
		if b[0] == optNop {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return
		}
		each(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
}

// PutSyn writes the options of a SYN and returns their length, a multiple of 4.
func PutSyn(b []byte, o SynOptions) int {
	b[0], b[1] = optMSS, 4
	binary.BigEndian.PutUint16(b[2:], o.MSS)
	n := 4
	if o.SACKPermitted {
		b[n], b[n+1], b[n+2], b[n+3] = optNop, optNop, optSACKPermitted, 2
		n += 4
	}
	if o.Scale >= 0 {
		b[n], b[n+1], b[n+2], b[n+3] = optNop, optScale, 3, uint8(o.Scale)
		n += 4
	}
	return n
}

// Range is a piece of sequence space, To not included.
type Range struct{ From, To uint32 }

// MaxSACK is how many ranges fit beside nothing else.
const MaxSACK = 4

// PutSACK writes a selective acknowledgment (RFC 2018) and returns its length.
func PutSACK(b []byte, ranges []Range) int {
	ranges = ranges[:min(len(ranges), MaxSACK)]
	if len(ranges) == 0 {
		return 0
	}
	b[0], b[1], b[2], b[3] = optNop, optNop, optSACK, uint8(2+8*len(ranges))
	for i, r := range ranges {
		binary.BigEndian.PutUint32(b[4+8*i:], r.From)
		binary.BigEndian.PutUint32(b[8+8*i:], r.To)
	}
	return 4 + 8*len(ranges)
}

// PutTCP writes a TCP header with options that stand behind it already. The
// checksum is left to [PutPartial].
func PutTCP(b []byte, s *Segment, optionLen int) {
	_ = b[:TCPLen]
	binary.BigEndian.PutUint16(b, s.SrcPort)
	binary.BigEndian.PutUint16(b[2:], s.DstPort)
	binary.BigEndian.PutUint32(b[4:], s.Seq)
	binary.BigEndian.PutUint32(b[8:], s.Ack)
	b[12], b[13] = uint8((TCPLen+optionLen)/4)<<4, s.Flags
	binary.BigEndian.PutUint16(b[14:], s.Window)
	b[16], b[17], b[18], b[19] = 0, 0, 0, 0
}

// Where the checksum lies in a header, in bytes.
const (
	TCPSum  = 16
	UDPSum  = 6
	ICMPSum = 2
)

// Datagram is a parsed UDP datagram.
type Datagram struct {
	SrcPort, DstPort uint16
	Payload          []byte
}

// ParseUDP reads a UDP datagram (RFC 768). With segmentation offload the length
// in the header may be of the whole, which is longer than one datagram.
func ParseUDP(b []byte, d *Datagram) error {
	if len(b) < UDPLen {
		return ErrShort
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	if size == 0 { // a jumbogram, or offload
		size = len(b)
	}
	if size < UDPLen {
		return ErrHeader
	}
	if size > len(b) {
		return ErrShort
	}
	*d = Datagram{SrcPort: binary.BigEndian.Uint16(b), DstPort: binary.BigEndian.Uint16(b[2:]), Payload: b[UDPLen:size]}
	return nil
}

// PutUDP writes a UDP header; the checksum is left to [PutPartial].
func PutUDP(b []byte, src, dst uint16, payload int) {
	_ = b[:UDPLen]
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint16(b[4:], uint16(UDPLen+payload))
	b[6], b[7] = 0, 0
}

// CheckTransport verifies the checksum of what is above IP.
func CheckTransport(h *IP) error {
	switch h.Protocol {
	case ICMP:
		if Checksum(h.Payload, 0) != 0 {
			return ErrChecksum
		}
		return nil
	case UDP:
		if !h.V6 && len(h.Payload) >= UDPLen && h.Payload[6] == 0 && h.Payload[7] == 0 {
			return nil // none was made (RFC 768)
		}
	}
	if Checksum(h.Payload, Pseudo(&h.Src, &h.Dst, h.Protocol, len(h.Payload))) != 0 {
		return ErrChecksum
	}
	return nil
}
