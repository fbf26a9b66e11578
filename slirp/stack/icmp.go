package stack

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// Types and codes of ICMP (RFC 792, RFC 1812) and of ICMPv6 (RFC 4443).
const (
	echoReply4, echoRequest4, unreachable4 = 0, 8, 3
	echoReply6, echoRequest6, unreachable6 = 129, 128, 1
)

// quoted is how much of a packet an error quotes above IP.
const quoted = 64

// unreachable tells the container that a packet of its cannot be delivered.
func (s *Stack) unreachable(h *packet.IP, why unix.Errno) {
	kind, protocol := uint8(unreachable4), uint8(packet.ICMP)
	code := map[unix.Errno]uint8{unix.ENETUNREACH: 0, unix.EHOSTUNREACH: 1, unix.ECONNREFUSED: 3, unix.EACCES: 13, unix.EPERM: 13}
	if h.V6 {
		kind, protocol = unreachable6, packet.ICMPv6
		code = map[unix.Errno]uint8{unix.ENETUNREACH: 0, unix.EHOSTUNREACH: 3, unix.ECONNREFUSED: 4, unix.EACCES: 1, unix.EPERM: 1}
	}
	c, ok := code[why]
	if !ok {
		c = 0
	}
	var quote [packet.IPv6Len + quoted]byte
	head := packet.PutIP(quote[:], &h.Src, &h.Dst, h.Protocol, len(h.Payload), 0)
	n := head + copy(quote[head:], h.Payload)
	from := s.gateway(&h.Src)
	s.icmp(&from, &h.Src, protocol, kind, c, 0, quote[:n])
}

// icmp sends a message. rest are the four bytes behind the checksum.
func (s *Stack) icmp(src, dst *packet.Addr, protocol, kind, code uint8, rest uint32, payload []byte) {
	size := packet.ICMPLen + len(payload)
	b, start := s.link.header(src, dst, protocol, size)
	b[0], b[1], b[2], b[3] = kind, code, 0, 0
	binary.BigEndian.PutUint32(b[4:], rest)
	sum := uint64(0)
	if protocol == packet.ICMPv6 {
		sum = packet.Pseudo(src, dst, protocol, size)
	}
	binary.BigEndian.PutUint16(b[packet.ICMPSum:], packet.Checksum(payload, packet.Sum(b[:packet.ICMPLen], sum)))
	clear(s.link.head[:packet.VirtioLen]) // the checksum is there
	s.link.send(packet.VirtioLen+start+packet.ICMPLen, payload)
}

// Bounds of pings: the oldest goes for a new one.
const (
	mostPings = 64
	pingLife  = 30 * time.Second
)

type pingKey struct {
	guest packet.Addr
	id    uint16
}

// ping is a program of the container's that sends echo requests: a socket of type
// SOCK_DGRAM, which the kernel allows to groups in net.ipv4.ping_group_range.
type ping struct {
	t   *pingTable
	key pingKey
	timed
	fd, place int
	last      time.Duration
}

type pingTable struct {
	s   *Stack
	all map[pingKey]*ping
}

func (t *pingTable) init(s *Stack) {
	t.s, t.all = s, make(map[pingKey]*ping)
}

func (t *pingTable) end() {
	for _, p := range t.all {
		p.remove()
	}
}

// take handles an ICMP message of the container's: echo requests, nothing else.
func (t *pingTable) take(h *packet.IP) error {
	b := h.Payload
	if len(b) < packet.ICMPLen {
		return packet.ErrShort
	}
	request, reply := uint8(echoRequest4), uint8(echoReply4)
	if h.V6 {
		request, reply = echoRequest6, echoReply6
	}
	if b[0] != request || b[1] != 0 {
		return nil
	}
	id := binary.BigEndian.Uint16(b[4:])
	if h.Dst == t.s.gateway(&h.Dst) {
		t.s.icmp(&h.Dst, &h.Src, h.Protocol, reply, 0, binary.BigEndian.Uint32(b[4:]), b[packet.ICMPLen:])
		return nil
	}
	to := netip.AddrPortFrom(h.Dst.Netip(), 0)
	verdict := Allow
	if t.s.Route != nil {
		to, verdict = t.s.Route(h.Protocol, to)
	}
	if verdict == Prohibit || verdict == Refuse {
		t.s.unreachable(h, unix.EACCES)
	}
	if verdict != Allow || !unicast(&h.Dst) {
		return nil
	}
	p, err := t.find(pingKey{h.Src, id}, h.V6)
	if err == nil {
		p.last = t.s.now
		err = unix.Sendto(p.fd, b, unix.MSG_DONTWAIT, sockaddr(to))
	}
	switch e := errno(err); {
	case err == nil, e == unix.EAGAIN, e == unix.ENOBUFS:
	default:
		t.s.unreachable(h, e)
	}
	return nil
}

func (t *pingTable) find(key pingKey, v6 bool) (*ping, error) {
	if p := t.all[key]; p != nil {
		return p, nil
	}
	if len(t.all) >= mostPings {
		var oldest *ping
		for _, p := range t.all {
			if oldest == nil || p.last < oldest.last {
				oldest = p
			}
		}
		oldest.remove()
	}
	domain, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if v6 {
		domain, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, err
	}
	p := &ping{t: t, key: key, fd: fd}
	if p.place, err = t.s.watch(fd, p, unix.EPOLLIN); err != nil {
		unix.Close(fd)
		return nil, unix.ENOBUFS
	}
	p.expire = p.expired
	t.all[key] = p
	t.s.timers.set(&p.timed, t.s.now+pingLife)
	return p, nil
}

func (p *ping) expired(now time.Duration) {
	if idle := now - p.last; idle < pingLife {
		p.t.s.timers.set(&p.timed, p.last+pingLife)
		return
	}
	p.remove()
}

func (p *ping) remove() {
	p.t.s.timers.drop(&p.timed)
	p.t.s.forget(p.place)
	unix.Close(p.fd)
	delete(p.t.all, p.key)
}

// ready passes one answer on.
func (p *ping) ready(uint32) {
	b := p.t.s.link.rx[:]
	n, from, err := unix.Recvfrom(p.fd, b, unix.MSG_DONTWAIT)
	if err != nil || n < packet.ICMPLen {
		return
	}
	rest := uint32(p.key.id)<<16 | uint32(binary.BigEndian.Uint16(b[6:]))
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		src := packet.From4(a.Addr[:])
		p.t.s.icmp(&src, &p.key.guest, packet.ICMP, echoReply4, 0, rest, b[packet.ICMPLen:n])
	case *unix.SockaddrInet6:
		src := packet.Addr(a.Addr)
		p.t.s.icmp(&src, &p.key.guest, packet.ICMPv6, echoReply6, 0, rest, b[packet.ICMPLen:n])
	}
}
