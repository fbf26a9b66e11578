package stack

import (
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// TestOverflow: the device does not take everything. What is lost is sent again, by
// duplicate acknowledgments or by the timer, and arrives once.
func TestOverflow(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	_ = unix.SetsockoptInt(w.s.Link, unix.SOL_SOCKET, unix.SO_SNDBUF, 100<<10) // three packets
	data := strings.Repeat("0123456789abcdef", 1<<16)
	go func() { _, _ = io.WriteString(c, data) }()
	whole := make([]byte, len(data))
	first, next := w.ack, w.ack
	have := make(map[uint32]int) // by sequence: what lies beyond a gap
	for int(next-first) < len(data) {
		all := w.take()
		for _, p := range all {
			n := len(p.Segment.Payload)
			copy(whole[p.Seq-first:], p.Segment.Payload)
			have[p.Seq] = max(n, have[p.Seq])
			for have[next] > 0 {
				n := have[next]
				delete(have, next)
				next += uint32(n)
			}
			w.ack = next
			w.say(packet.ACK, "")
		}
		if len(all) == 0 {
			w.pass(w.s.conns[w.flow].rto)
		}
	}
	if w.s.link.lost == 0 {
		t.Error("nothing was lost: this test shows nothing")
	}
	if string(whole) != data {
		t.Error("the bytes differ")
	}
	w.say(packet.ACK, "")
	if w.s.pool.used != 0 {
		t.Errorf("%d blocks are kept", w.s.pool.used)
	}
}

// TestSuspend: the machine slept for a day, and the clock counted on. What was on
// its way is sent again, connections are there, what is only kept for a while is not.
func TestSuspend(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.datagram(netip.AddrPortFrom(guest4, 7), netip.AddrPortFrom(testPeer4, echo(t, "udp4", "127.0.0.1:0").Port()), "x")
	eventually(t, "the answer", func() bool { return len(w.datagrams()) > 0 })
	w.write(c, "before")
	p := w.one()
	w.pass(24 * time.Hour)
	all := w.take()
	if len(all) != 1 || all[0].Seq != p.Seq || string(all[0].Segment.Payload) != "before" {
		t.Fatalf("afterwards: %s", text(all))
	}
	if n := w.s.wait(); n < 0 || n > int(mostRTO/time.Millisecond) {
		t.Errorf("the next look is in %d ms", n)
	}
	w.ack += 6
	w.say(packet.ACK, "after")
	w.seq += 5
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	if got := w.read(c, 5); got != "after" {
		t.Errorf("%q", got)
	}
	if len(w.s.udp.all) != 0 {
		t.Errorf("%d datagram flows of yesterday", len(w.s.udp.all))
	}
}

// TestFragmentFlood: a container that never sends the rest takes up so much and no more.
func TestFragmentFlood(t *testing.T) {
	w := newWire(t)
	whole := make([]byte, 65528)
	for id := range uint16(2000) {
		from := int(id) * 8 % 65000
		w.fragment(id, whole, from, min(from+1480, len(whole))&^7, true)
		if id%50 == 0 {
			w.settle()
		}
	}
	w.settle()
	total, used := 0, 0
	for i := range w.s.frags.all {
		if d := &w.s.frags.all[i]; d.used {
			used++
			total += cap(d.bytes) + cap(d.pieces)*8
		}
	}
	if used != mostDatagrams || total > mostDatagrams*(128<<10) {
		t.Errorf("%d datagrams take %d bytes", used, total)
	}
	w.none()
	// One that comes in too many pieces is given up.
	for at := 0; at < 16*(mostPieces+10); at += 16 { // never whole
		w.fragment(7777, whole, at, at+8, true)
	}
	w.settle()
	for i := range w.s.frags.all {
		if n := len(w.s.frags.all[i].pieces); n > mostPieces {
			t.Errorf("%d pieces", n)
		}
	}
}

// TestFragmentOverlap has as many bytes as the whole, some of them twice, and a hole.
func TestFragmentOverlap(t *testing.T) {
	w := newWire(t)
	h := packet.IP{Src: packet.From(guest4), Dst: packet.From(testPeer4), Protocol: packet.UDP, ID: 5}
	add := func(from, to int) []byte {
		h.Offset, h.Payload, h.More = from, make([]byte, to-from), to < 40
		return w.s.frags.add(&h)
	}
	for _, p := range [][2]int{{0, 16}, {8, 24}, {32, 40}} {
		if whole := add(p[0], p[1]); whole != nil {
			t.Errorf("%d to %d made a whole of %d bytes", p[0], p[1], len(whole))
		}
	}
	h.ID++
	for i, p := range [][2]int{{16, 32}, {32, 40}, {0, 16}} {
		if whole := add(p[0], p[1]); (len(whole) == 40) != (i == 2) {
			t.Errorf("%d to %d: %d bytes", p[0], p[1], len(whole))
		}
	}
}

// TestMalformed: packets that make no sense are counted, and leave nothing behind.
func TestMalformed(t *testing.T) {
	w := newWire(t)
	src, dst := packet.From(guest4), packet.From(testPeer4)
	tcp := func(change func(b []byte)) []byte {
		b := make([]byte, packet.VirtioLen+packet.IPv4Len+packet.TCPLen)
		packet.PutIPv4(b[packet.VirtioLen:], &src, &dst, packet.TCP, packet.TCPLen, 1)
		at := b[packet.VirtioLen+packet.IPv4Len:]
		packet.PutTCP(at, &packet.Segment{SrcPort: 9, DstPort: 80, Flags: packet.SYN, Window: 100}, 0)
		binary.BigEndian.PutUint16(at[packet.TCPSum:], packet.Checksum(at, packet.Pseudo(&src, &dst, packet.TCP, packet.TCPLen)))
		change(b)
		return b
	}
	header := func(b []byte) { // its checksum again
		ip := b[packet.VirtioLen:]
		ip[10], ip[11] = 0, 0
		binary.BigEndian.PutUint16(ip[10:], packet.Checksum(ip[:packet.IPv4Len], 0))
	}
	ip := packet.VirtioLen
	list := map[string][]byte{
		"one byte":       {1},
		"no packet":      make([]byte, packet.VirtioLen),
		"version":        tcp(func(b []byte) { b[ip] = 0x75 }),
		"short header":   tcp(func(b []byte) { b[ip] = 0x43 }),
		"length":         tcp(func(b []byte) { binary.BigEndian.PutUint16(b[ip+2:], 5000); header(b) }),
		"IP checksum":    tcp(func(b []byte) { b[ip+10] ^= 1 }),
		"TCP checksum":   tcp(func(b []byte) { b[ip+packet.IPv4Len+packet.TCPSum] ^= 1 }),
		"TCP header":     tcp(func(b []byte) { b[0], b[ip+packet.IPv4Len+12] = 1, 0x10 }),
		"TCP options":    tcp(func(b []byte) { b[0], b[ip+packet.IPv4Len+12] = 1, 0xf0 }),
		"protocol":       tcp(func(b []byte) { b[0], b[ip+9] = 1, 47; header(b) }),
		"from everybody": tcp(func(b []byte) { b[0], b[ip+12] = 1, 255; header(b) }),
		"from nobody":    tcp(func(b []byte) { b[0] = 1; clear(b[ip+12 : ip+16]); header(b) }),
		"UDP without a head": tcp(func(b []byte) {
			b[0], b[ip+9] = 1, 17
			binary.BigEndian.PutUint16(b[ip+packet.IPv4Len+4:], 3)
			header(b)
		}),
		"ICMP, a fragment":    tcp(func(b []byte) { b[ip+9], b[ip+6] = 1, 0x20; header(b) })[:ip+packet.IPv4Len+4],
		"half of an IPv6":     append(make([]byte, packet.VirtioLen), 0x60, 0, 0, 0, 0, 40),
		"ICMP checksum":       tcp(func(b []byte) { b[ip+9] = 1; header(b) }),
		"IPv6 in IPv4's room": tcp(func(b []byte) { b[ip] = 0x60 }),
	}
	const times = 20
	for name, b := range list {
		before := w.s.link.bad
		for range times {
			w.raw(b)
			w.settle()
		}
		if n := w.s.link.bad - before; n != times {
			t.Errorf("%s: %d of %d were found bad", name, n, times)
		}
	}
	w.none()
	if len(w.s.conns) != 0 || len(w.s.udp.all) != 0 || w.s.pool.used != 0 || len(w.s.sources) > 2 {
		t.Errorf("%d connections, %d flows, %d blocks, %d sources", len(w.s.conns), len(w.s.udp.all), w.s.pool.used, len(w.s.sources))
	}
	w.connect(synOptions...) // and others are served
}
