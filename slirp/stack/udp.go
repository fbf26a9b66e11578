package stack

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// Bounds of datagram flows. RFC 4787, REQ-5 has at least two minutes; a question
// to a name server has one answer.
const (
	mostFlows = 2048
	flowLife  = 3 * time.Minute
	dnsLife   = 15 * time.Second
	dnsPort   = 53
	// datagramRoom is what a socket may hold while this thread waits for a processor,
	// in bytes, as far as net.core.rmem_max lets it.
	datagramRoom = 1 << 20
)

// flowKey names a flow: a port of the container's, whatever it speaks with (RFC
// 4787, REQ-1). A destination that stands for another has a flow of its own, for
// what comes back comes from there.
type flowKey struct {
	guest     packet.Addr
	guestPort uint16
	peer      packet.Addr
	peerPort  uint16
}

// udpFlow is a socket for one port of the container's.
type udpFlow struct {
	t   *udpTable
	key flowKey
	timed
	fd, place  int
	clients    *clients // of a published port, whose socket is a server's; nil for its own
	v6         bool
	life       time.Duration
	last       time.Duration
	prev, next *udpFlow // by last use
}

// udpTable are the flows, the one used last at the end of the list.
type udpTable struct {
	s      *Stack
	all    map[flowKey]*udpFlow
	own    int // of all, those that are no published port's
	list   udpFlow
	batch  batch
	msg    message
	gather gather

	servers []*server
}

func (t *udpTable) init(s *Stack) {
	t.s, t.all = s, make(map[flowKey]*udpFlow)
	t.list.prev, t.list.next = &t.list, &t.list
}

func (t *udpTable) end() {
	for _, f := range t.all {
		f.remove()
	}
	for _, s := range t.servers {
		unix.Close(s.fd)
	}
	t.gather.close()
}

// take handles a datagram of the container's, or several in one packet.
func (t *udpTable) take(h *packet.IP, v *packet.Virtio) error {
	var d packet.Datagram
	if err := packet.ParseUDP(h.Payload, &d); err != nil {
		return err
	}
	if v.GSO == packet.GSOUDP { // the header's length is the whole's, or that of one
		d.Payload = h.Payload[packet.UDPLen:]
	}
	if !unicast(&h.Dst) || d.SrcPort == 0 || d.DstPort == 0 {
		return nil
	}
	if d.DstPort == dnsPort && t.s.Local.datagrams(h, &d, v) {
		return nil
	}
	asked := netip.AddrPortFrom(h.Dst.Netip(), d.DstPort)
	to, verdict := asked, Allow
	key := flowKey{guest: h.Src, guestPort: d.SrcPort}
	f := t.all[key]
	var known client
	if f != nil && f.clients != nil {
		known = f.clients.real[asked]
	}
	switch {
	case known.by != nil: // an answer goes back whatever way it came
		to, f = known.addr, known.by
	case t.s.Route != nil:
		to, verdict = t.s.Route(packet.UDP, asked)
	}
	switch verdict {
	case Refuse:
		t.s.unreachable(h, unix.ECONNREFUSED)
		return nil
	case Prohibit:
		t.s.unreachable(h, unix.EACCES)
		return nil
	case Drop:
		return nil
	}
	if to != asked && known.by == nil {
		key.peer, key.peerPort = h.Dst, d.DstPort
	}
	if f == nil || f.key != key {
		var err error
		if f, err = t.find(key, to); err != nil {
			t.s.unreachable(h, errno(err))
			return nil
		}
	}
	f.use()
	size := 0
	if v.GSO == packet.GSOUDP {
		size = v.Size
	}
	t.batch.add(f, to, d.Payload, size)
	return nil
}

func (t *udpTable) find(key flowKey, to netip.AddrPort) (*udpFlow, error) {
	if f := t.all[key]; f != nil {
		return f, nil
	}
	if oldest := t.list.next; t.own >= mostFlows && oldest != &t.list {
		oldest.remove()
	}
	fd, err := unix.Socket(family(to), unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := &udpFlow{t: t, key: key, fd: fd, v6: family(to) == unix.AF_INET6, life: flowLife}
	if to.Port() == dnsPort {
		f.life = dnsLife
	}
	if f.v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, datagramRoom)
	if f.place, err = t.s.watch(fd, f, unix.EPOLLIN); err != nil {
		unix.Close(fd)
		return nil, unix.ENOBUFS
	}
	if key.peerPort != 0 { // nobody else may answer in its name
		if err := unix.Connect(fd, sockaddr(to)); err != nil {
			t.s.forget(f.place)
			unix.Close(fd)
			return nil, err
		}
	}
	f.prev, f.next = f, f
	f.expire = f.expired
	t.all[key] = f
	t.own++
	t.s.timers.set(&f.timed, t.s.now+f.life)
	return f, nil
}

// use makes it the one used last.
func (f *udpFlow) use() {
	f.last = f.t.s.now
	if f.clients != nil {
		return // it stays
	}
	f.prev.next, f.next.prev = f.next, f.prev
	end := &f.t.list
	f.prev, f.next = end.prev, end
	end.prev.next = f
	end.prev = f
}

func (f *udpFlow) expired(now time.Duration) {
	if now-f.last < f.life {
		f.t.s.timers.set(&f.timed, f.last+f.life)
		return
	}
	f.remove()
}

func (f *udpFlow) remove() {
	if f.t.batch.flow == f {
		f.t.batch.flush()
	}
	f.prev.next, f.next.prev = f.next, f.prev
	f.t.s.timers.drop(&f.timed)
	if f.clients == nil {
		f.t.own--
		f.t.s.forget(f.place)
		unix.Close(f.fd)
	}
	if f.t.all[f.key] == f { // and not another server's
		delete(f.t.all, f.key)
	}
}

// ready passes on what has come.
func (f *udpFlow) ready(events uint32) {
	if events&unix.EPOLLERR != 0 {
		f.errors()
	}
	g := &f.t.gather
	n, err := g.receive(f.fd)
	if err != 0 {
		return
	}
	f.use()
	for i := 0; i < n; {
		r := g.run(i, n)
		i += r.number
		src, port := packet.From(r.from.Addr()), r.from.Port()
		if f.key.peerPort != 0 {
			src, port = f.key.peer, f.key.peerPort
		}
		f.deliver(&src, port, r.a, r.b, r.each)
	}
	g.learn(n)
}

// deliver sends datagrams of each bytes, the last may be shorter, to the container:
// as one packet, as far as the device takes such and they fit. b follows a.
func (f *udpFlow) deliver(src *packet.Addr, port uint16, a, b []byte, each int) {
	total := len(a) + len(b)
	if each <= 0 || each >= total {
		f.pieces(src, port, a, b, 0)
		return
	}
	most := each
	if f.t.s.UDPSegments {
		most = max(1, min(mostRun/each, mostSegments)) * each
	}
	for total > 0 {
		n := min(most, total)
		i := min(n, len(a))
		size := each
		if n <= each {
			size = 0
		}
		f.pieces(src, port, a[:i], b[:n-i], size)
		a, b, total = a[i:], b[n-i:], total-n
	}
}

// datagram sends one, or several of each bytes.
func (f *udpFlow) datagram(src *packet.Addr, port uint16, b []byte, each int) {
	f.pieces(src, port, b, nil, each)
}

func (f *udpFlow) pieces(src *packet.Addr, port uint16, a, b []byte, each int) {
	l := &f.t.s.link
	n := len(a) + len(b)
	size := packet.UDPLen + n
	if packet.IPv4Len+size > 65535 {
		return
	}
	head, start := l.header(src, &f.key.guest, packet.UDP, size)
	packet.PutUDP(head, port, f.key.guestPort, n)
	packet.PutPartial(head[packet.UDPSum:], src, &f.key.guest, packet.UDP, size)
	packet.PutVirtio(l.head[:], packet.GSOUDP, each, start, packet.UDPLen, packet.UDPSum)
	l.send(packet.VirtioLen+start+packet.UDPLen, a, b)
}

// errors passes on what ICMP has told the socket.
func (f *udpFlow) errors() {
	for range burst {
		b := f.t.s.link.rx[:]
		n, to, why, err := f.t.msg.failure(f.fd, b)
		if err != 0 {
			return
		}
		if why == 0 {
			continue
		}
		f.undelivered(to, b[:n], why)
	}
}

// undelivered tells the container that a datagram did not arrive.
func (f *udpFlow) undelivered(to netip.AddrPort, b []byte, why unix.Errno) {
	dst, port := packet.From(to.Addr()), to.Port()
	if f.key.peerPort != 0 {
		dst, port = f.key.peer, f.key.peerPort
	}
	var quote [packet.UDPLen + quoted]byte
	n := copy(quote[packet.UDPLen:], b)
	packet.PutUDP(quote[:], f.key.guestPort, port, n)
	f.t.s.unreachable(&packet.IP{Src: f.key.guest, Dst: dst, Protocol: packet.UDP, Payload: quote[:packet.UDPLen+n], V6: f.v6}, why)
}
