package dns

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// mostAddrs bounds the addresses of one reply: with the longest name it fits into
// the 512 bytes that everybody takes (RFC 1035, 2.3.4).
const mostAddrs = 8

// udpSize is the size of messages that we take, the one that the DNS flag day of
// 2020 agreed on, in bytes.
const udpSize = 1232

// Reply is an answer of our own.
type Reply struct {
	Code Code
	// Addrs of which those of the asked type are given; at most 8.
	Addrs []netip.Addr
	// Name is what a PTR record gives.
	Name string
	TTL  time.Duration
}

// Reply appends the message that answers a question.
func (q *Question) Reply(b []byte, r Reply) []byte {
	start := len(b)
	flags := flagResponse | flagAvailable | q.flags&(opcodeMask|flagDesired|flagUnchecked) | uint16(r.Code)
	if r.Code == Success || r.Code == NameError {
		flags |= flagAuthority
	}
	b = binary.BigEndian.AppendUint16(b, q.ID)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = append(b, 0, 1, 0, 0, 0, 0, 0, 0)
	b = append(b, q.raw...)
	count := byte(0)
	for _, a := range r.Addrs {
		kind := A
		if a.Is6() {
			kind = AAAA
		}
		if kind == q.Type && count < mostAddrs {
			b = append(q.record(b, kind, r.TTL, a.BitLen()/8), a.AsSlice()...)
			count++
		}
	}
	if r.Name != "" && q.Type == PTR {
		if name, ok := putName(nil, r.Name); ok {
			b = append(q.record(b, PTR, r.TTL, len(name)), name...)
			count++
		}
	}
	b[start+7] = count
	if q.edns {
		b[start+11] = 1
		b = append(b, 0, 0, byte(opt), udpSize>>8, udpSize&0xff, 0, 0, 0, 0, 0, 0)
		if q.do {
			b[len(b)-4] = 0x80
		}
	}
	return b
}

// record appends all of a record of the question's name but its data.
func (q *Question) record(b []byte, kind Type, ttl time.Duration, size int) []byte {
	b = append(b, 0xc0, headerLen, 0, byte(kind), 0, classIN)
	b = binary.BigEndian.AppendUint32(b, uint32(ttl/time.Second))
	return binary.BigEndian.AppendUint16(b, uint16(size))
}

// Malformed appends the answer to a message that cannot be read; not ok when it
// does not even tell that it is a question.
func Malformed(b, message []byte) (_ []byte, ok bool) {
	if len(message) < headerLen || message[2]&0x80 != 0 {
		return b, false
	}
	b = append(b, message[0], message[1], 0x80|message[2]&0x79, byte(flagAvailable)|byte(FormatError))
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0), true
}
