package packet

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds the 16-bit words of b to a partial sum (RFC 1071). The pieces of a
// packet may be added one after the other as long as all but the last have an
// even length.
func Sum(b []byte, sum uint64) uint64 {
	for len(b) >= 8 {
		var carry uint64
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), 0)
		sum += carry
		b = b[8:]
	}
	var last uint64
	for i, c := range b {
		last |= uint64(c) << (56 - 8*i)
	}
	sum, carry := bits.Add64(sum, last, 0)
	return sum + carry
}

// Fold makes 16 bits of a partial sum.
func Fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return uint16(sum)
}

// Checksum is the Internet checksum of b and what was summed before; of a packet
// that contains its checksum it is 0.
func Checksum(b []byte, sum uint64) uint16 { return ^Fold(Sum(b, sum)) }

// Pseudo is the sum of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1) of a
// packet of size bytes above IP.
func Pseudo(src, dst *Addr, protocol uint8, size int) uint64 {
	sum := uint64(protocol) + uint64(size)
	if dst.Is4() {
		return Sum(dst[12:], Sum(src[12:], sum))
	}
	return Sum(dst[:], Sum(src[:], sum))
}
