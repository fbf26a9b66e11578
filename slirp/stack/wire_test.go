package stack

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// wire is a link whose other end is the test: it sees and sends each packet, and
// sets the clock.
type wire struct {
	t   *testing.T
	s   *Stack
	fd  int
	now time.Duration
	// The end of a TCP connection that the test plays.
	flow
	seq, ack uint32
	window   uint16
}

func newWire(t *testing.T) *wire {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range pair {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<20)
	}
	w := &wire{t: t, fd: pair[1], now: time.Second, window: 65535}
	w.s, err = New(Config{Link: pair[0], Network: Network{MTU: 1500, Gateway4: gateway4, Gateway6: gateway6}, Route: toLoopback, UDPSegments: true})
	if err != nil {
		t.Fatal(err)
	}
	w.s.clock = func() time.Duration { return w.now }
	w.flow = flow{packet.From(guest4), packet.From(testPeer4), 40000, 80}
	w.seq = 1000
	w.settle()
	t.Cleanup(func() { w.s.end(); unix.Close(pair[1]) })
	return w
}

// settle lets the stack do what there is to do. The kernel's own loopback needs
// no time of its own.
func (w *wire) settle() {
	for range 3 {
		for {
			if err := w.s.step(1); err != nil {
				w.t.Fatal(err)
			}
			if w.s.pumps.first == nil {
				break
			}
		}
	}
}

// pass lets time go by.
func (w *wire) pass(d time.Duration) {
	w.now += d
	w.settle()
}

// put sends a packet above IP, whose checksum nobody looks at.
func (w *wire) put(src, dst packet.Addr, protocol uint8, payload []byte) {
	w.t.Helper()
	b := make([]byte, packet.VirtioLen+packet.IPv6Len)
	n := packet.PutIP(b[packet.VirtioLen:], &src, &dst, protocol, len(payload), 7)
	packet.PutVirtio(b, 0, 0, n, 0, 0)
	w.raw(append(b[:packet.VirtioLen+n], payload...))
}

func (w *wire) raw(b []byte) {
	w.t.Helper()
	if _, err := unix.Write(w.fd, b); err != nil {
		w.t.Fatal(err)
	}
}

// say sends a segment of the test's connection as it stands.
func (w *wire) say(flags uint8, payload string) { w.at(w.seq, flags, payload) }

// at sends one with another sequence number.
func (w *wire) at(seq uint32, flags uint8, payload string, options ...byte) {
	w.t.Helper()
	b := make([]byte, packet.TCPLen+len(options), packet.TCPLen+len(options)+len(payload))
	s := packet.Segment{SrcPort: w.guestPort, DstPort: w.peerPort, Seq: seq, Flags: flags, Window: w.window}
	if flags&packet.ACK != 0 {
		s.Ack = w.ack
	}
	copy(b[packet.TCPLen:], options)
	packet.PutTCP(b, &s, len(options))
	w.put(w.guest, w.peer, packet.TCP, append(b, payload...))
	w.settle()
}

// seen is a packet from the stack, taken apart.
type seen struct {
	packet.IP
	packet.Segment
	virtio packet.Virtio
}

// take returns the packets that the stack has sent.
func (w *wire) take() (all []seen) {
	w.t.Helper()
	w.settle()
	for {
		b := make([]byte, maxPacket)
		n, err := unix.Read(w.fd, b)
		if err == unix.EAGAIN {
			return all
		}
		if err != nil || n == 0 {
			w.t.Fatalf("read: %d, %v", n, err)
		}
		var p seen
		if err := packet.ParseVirtio(b[:n], &p.virtio); err != nil {
			w.t.Fatal(err)
		}
		if err := packet.ParseIP(b[packet.VirtioLen:n], &p.IP); err != nil {
			w.t.Fatalf("%v: % x", err, b[:n])
		}
		if p.Protocol == packet.TCP {
			if err := packet.ParseTCP(p.IP.Payload, &p.Segment); err != nil {
				w.t.Fatal(err)
			}
			w.checksum(&p)
		}
		all = append(all, p)
	}
}

// checksum completes a segment's as the kernel would, and verifies it.
func (w *wire) checksum(p *seen) {
	b := p.IP.Payload
	sum := packet.Checksum(b, 0)
	binary.BigEndian.PutUint16(b[packet.TCPSum:], sum)
	if err := packet.CheckTransport(&p.IP); err != nil {
		w.t.Errorf("segment %+v: %v", p.Segment, err)
	}
}

// one returns the only packet.
func (w *wire) one() seen {
	w.t.Helper()
	all := w.take()
	if len(all) != 1 {
		w.t.Fatalf("%d packets, want 1: %s", len(all), text(all))
	}
	return all[0]
}

func (w *wire) none() {
	w.t.Helper()
	if all := w.take(); len(all) > 0 {
		w.t.Fatalf("unexpected: %s", text(all))
	}
}

func text(all []seen) (s string) {
	for _, p := range all {
		s += fmt.Sprintf("\n  %sseq %d ack %d window %d, %d bytes", flagNames(p.Flags), p.Seq, p.Ack, p.Window, len(p.Segment.Payload))
	}
	return s
}

func flagNames(flags uint8) (s string) {
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"} {
		if flags&(1<<i) != 0 {
			s += name + " "
		}
	}
	return s
}

// want checks flags, sequence and acknowledgment.
func (w *wire) want(p seen, flags uint8, seq, ack uint32) {
	w.t.Helper()
	if p.Flags&^packet.PSH != flags || p.Seq != seq || flags&packet.ACK != 0 && p.Ack != ack {
		w.t.Fatalf("got%s\nwant %sseq %d ack %d", text([]seen{p}), flagNames(flags), seq, ack)
	}
}

// server is where the test's connection leads to.
func (w *wire) server() chan net.Conn {
	w.t.Helper()
	conns := make(chan net.Conn, 16)
	w.peerPort = uint16(listen(w.t, "tcp4", func(c net.Conn) { conns <- c }))
	return conns
}

// standard options of a SYN: MSS 1460, SACK permitted, scale 7.
var synOptions = []byte{2, 4, 1460 >> 8, 1460 & 255, 1, 1, 4, 2, 1, 3, 3, 7}

// connect makes the connection and returns its other end.
func (w *wire) connect(options ...byte) net.Conn {
	w.t.Helper()
	conns := w.server()
	w.at(w.seq, packet.SYN, "", options...)
	p := w.one()
	w.seq++
	w.want(p, packet.SYN|packet.ACK, p.Seq, w.seq)
	w.ack = p.Seq + 1
	w.say(packet.ACK, "")
	w.none()
	c := <-conns
	w.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// read reads n bytes at the other end.
func (w *wire) read(c net.Conn, n int) string {
	w.t.Helper()
	b := make([]byte, n)
	for got := 0; got < n; {
		w.settle()
		m, err := c.Read(b[got:])
		if got += m; err != nil {
			w.t.Fatalf("read: %v after %d bytes", err, got)
		}
	}
	return string(b)
}

// write writes at the other end.
func (w *wire) write(c net.Conn, s string) {
	w.t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		w.t.Fatal(err)
	}
}

// gone checks that the stack keeps nothing of the connection.
func (w *wire) gone() {
	w.t.Helper()
	w.settle()
	if c := w.s.conns[w.flow]; c != nil {
		w.t.Fatalf("the connection is there, state %d", c.state)
	}
	if w.s.pool.used != 0 || w.s.opens != 0 {
		w.t.Errorf("%d blocks, %d openings left", w.s.pool.used, w.s.opens)
	}
}
