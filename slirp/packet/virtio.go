package packet

import "encoding/binary"

// VirtioLen is the length of the header that stands before each packet of a TUN
// device with IFF_VNET_HDR (linux/virtio_net.h, struct virtio_net_hdr), in bytes.
const VirtioLen = 10

// Flags and kinds of segmentation offload in that header.
const (
	needsCsum = 1
	dataValid = 2

	GSONone  = 0
	GSOTCPv4 = 1
	GSOTCPv6 = 4
	GSOUDP   = 5 // segments of the same size, Linux 6.2
	gsoECN   = 0x80
)

// Virtio says what the kernel has left to do, or done, with a packet.
type Virtio struct {
	// Trusted: the packet never crossed a wire, its checksum need not be verified.
	Trusted bool
	// GSO is the kind of a packet that stands for several, of Size bytes each.
	GSO  uint8
	Size int
}

// ParseVirtio reads the header.
func ParseVirtio(b []byte, v *Virtio) error {
	if len(b) < VirtioLen {
		return ErrShort
	}
	*v = Virtio{Trusted: b[0]&(needsCsum|dataValid) != 0, GSO: b[1] &^ gsoECN, Size: int(binary.NativeEndian.Uint16(b[4:]))}
	return nil
}

// PutVirtio writes the header of a packet whose transport header, of headLen
// bytes, begins at start behind it, with the checksum sum bytes further, which
// [PutPartial] has begun. size is that of the segments, or 0 when it is one.
func PutVirtio(b []byte, gso uint8, size, start, headLen, sum int) {
	_ = b[:VirtioLen]
	if size == 0 {
		gso = GSONone
	}
	b[0], b[1] = needsCsum, gso
	binary.NativeEndian.PutUint16(b[2:], uint16(start+headLen))
	binary.NativeEndian.PutUint16(b[4:], uint16(size))
	binary.NativeEndian.PutUint16(b[6:], uint16(start))
	binary.NativeEndian.PutUint16(b[8:], uint16(sum))
}

// PutPartial puts the sum of the pseudo header where the checksum belongs: who
// passes the packet on completes it, which is nobody when it stays on this machine.
func PutPartial(at []byte, src, dst *Addr, protocol uint8, size int) {
	binary.BigEndian.PutUint16(at, Fold(Pseudo(src, dst, protocol, size)))
}
