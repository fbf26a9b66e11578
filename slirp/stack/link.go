package stack

import (
	"coracle/slirp/packet"

	"golang.org/x/sys/unix"
)

// maxPacket is the longest packet with its header, in bytes.
const maxPacket = packet.VirtioLen + 65535

// burst is how many packets are read before others get their turn.
const burst = 64

// link is the device.
type link struct {
	s    *Stack
	gone bool
	rx   [maxPacket]byte
	// head is room for the headers of the packet that is written just now.
	head [128]byte
	list [][]byte // the pieces of it
	vecs [mostVecs]unix.Iovec
	// lost counts packets that the device did not take, bad those from it that
	// nothing can be done with.
	lost, bad uint64
}

func (l *link) init(s *Stack) {
	l.s = s
	l.list = make([][]byte, 0, 8)
}

// ready reads a burst of packets.
func (l *link) ready(uint32) {
	for range burst {
		n, err := readNow(l.s.Link, l.rx[:])
		switch err {
		case 0:
		case unix.EAGAIN:
			return
		case unix.EINTR:
			continue
		default:
			l.gone = true
			return
		}
		if n == 0 {
			l.gone = true
			return
		}
		if l.take(l.rx[:n]) != nil {
			l.bad++
		}
	}
}

// take handles one packet.
func (l *link) take(b []byte) error {
	var v packet.Virtio
	if err := packet.ParseVirtio(b, &v); err != nil {
		return err
	}
	var h packet.IP
	if err := packet.ParseIP(b[packet.VirtioLen:], &h); err != nil {
		return err
	}
	if h.Fragment {
		whole := l.s.frags.add(&h)
		if whole == nil {
			return nil
		}
		h.Payload, v.Trusted = whole, false
	}
	if !v.Trusted {
		if err := packet.CheckTransport(&h); err != nil {
			return err
		}
	}
	if !l.s.serves(&h.Dst) || !unicast(&h.Src) {
		return packet.ErrUnsupported
	}
	switch {
	case h.Protocol == packet.TCP:
		return l.s.tcp(&h)
	case h.Protocol == packet.UDP:
		return l.s.udp.take(&h, &v)
	case h.Protocol == packet.ICMP && !h.V6, h.Protocol == packet.ICMPv6 && h.V6:
		return l.s.pings.take(&h)
	}
	return packet.ErrUnsupported
}

// unicast tells an address that one machine can have.
func unicast(a *packet.Addr) bool {
	if a.Is4() {
		return a[12] != 0 && a[12] < 224
	}
	return a[0] != 0xff && *a != packet.Addr{}
}

// header begins a packet of size bytes above IP. It returns the room for what
// comes next and the packet's own head, up to there.
func (l *link) header(src, dst *packet.Addr, protocol uint8, size int) (next []byte, start int) {
	l.s.ipID++
	n := packet.PutIP(l.head[packet.VirtioLen:], src, dst, protocol, size, l.s.ipID)
	return l.head[packet.VirtioLen+n:], n
}

// send writes a packet that begins with n bytes of head.
func (l *link) send(n int, payload ...[]byte) {
	l.list = append(append(l.list[:0], l.head[:n]), payload...)
	l.write()
}

// write writes the packet in list. One that the device does not take is lost, as
// on any link.
func (l *link) write() {
	for {
		_, err := vectorNow(unix.SYS_WRITEV, l.s.Link, l.list, &l.vecs)
		switch err {
		case 0:
			return
		case unix.EINTR:
			continue
		case unix.EBADFD, unix.EBADF, unix.EPIPE, unix.ECONNREFUSED, unix.ENOTCONN, unix.ECONNRESET:
			l.gone = true
		}
		l.lost++
		return
	}
}
