package stack

import (
	"encoding/binary"
	"hash/maphash"
	"time"
)

// Sequence numbers are compared around the circle (RFC 9293, 3.4).
func before(a, b uint32) bool { return int32(a-b) < 0 }
func upTo(a, b uint32) bool   { return int32(a-b) <= 0 }

// sequence is the initial sequence number of a flow: nobody can guess it, and that
// of the same flow is greater later on (RFC 6528).
func (s *Stack) sequence(f *flow) uint32 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.Write(f.guest[:])
	_, _ = h.Write(f.peer[:])
	var ports [4]byte
	binary.NativeEndian.PutUint16(ports[:], f.guestPort)
	binary.NativeEndian.PutUint16(ports[2:], f.peerPort)
	_, _ = h.Write(ports[:])
	return uint32(h.Sum64()) + uint32(s.now/(4*time.Microsecond))
}
