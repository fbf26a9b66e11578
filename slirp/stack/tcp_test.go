package stack

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

const ackFlag = packet.ACK

// The names of these tests follow the sections of RFC 9293.

func TestHandshake(t *testing.T) {
	w := newWire(t)
	conns := w.server()
	w.at(w.seq, packet.SYN, "", synOptions...)
	p := w.one()
	w.want(p, packet.SYN|packet.ACK, p.Seq, w.seq+1)
	if o := packet.ParseSyn(p.Options); o.MSS != 1460 || o.Scale != receiveScale || !o.SACKPermitted {
		t.Errorf("options %+v", o)
	}
	iss := p.Seq
	// The SYN again, for the answer may have been lost; and the answer again, too.
	w.at(w.seq, packet.SYN, "", synOptions...)
	w.want(w.one(), packet.SYN|packet.ACK, iss, w.seq+1)
	w.pass(firstRTO + time.Millisecond)
	w.want(w.one(), packet.SYN|packet.ACK, iss, w.seq+1)
	// An acknowledgment of something else is no answer.
	w.seq++
	w.ack = iss + 77
	w.say(packet.ACK, "")
	w.want(w.one(), packet.RST, iss+77, 0)
	w.ack = iss + 1
	w.say(packet.ACK, "hello")
	w.want(w.one(), packet.ACK, iss+1, w.seq+5)
	c := <-conns
	defer c.Close()
	if got := w.read(c, 5); got != "hello" {
		t.Errorf("%q", got)
	}
}

func TestHandshakeGivenUp(t *testing.T) {
	w := newWire(t)
	conns := w.server()
	w.at(w.seq, packet.SYN, "")
	n := len(w.take())
	for range 60 {
		w.pass(mostRTO)
		n += len(w.take())
	}
	if n != 1+synTries+1 { // a RST in the end
		t.Errorf("%d packets", n)
	}
	w.gone()
	c := <-conns
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer was told %v", err)
	}
}

func TestRefused(t *testing.T) {
	w := newWire(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.peerPort = uint16(l.Addr().(*net.TCPAddr).Port)
	l.Close() // nobody listens there now
	w.at(w.seq, packet.SYN, "")
	w.want(w.one(), packet.RST|packet.ACK, 0, w.seq+1)
	w.gone()
}

func TestProhibited(t *testing.T) {
	for _, peer := range []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8:1::1")} {
		w := newWire(t)
		w.peer = packet.From(peer)
		want, code := packet.ICMP, uint8(13)
		if peer.Is6() {
			w.guest, want, code = packet.From(guest6), packet.ICMPv6, 1
		}
		w.at(w.seq, packet.SYN, "")
		p := w.one()
		if int(p.Protocol) != want || p.IP.Payload[1] != code {
			t.Fatalf("answer % x", p.IP.Payload)
		}
		if err := packet.CheckTransport(&p.IP); err != nil {
			t.Error(err)
		}
		var quote packet.IP
		if err := packet.ParseIP(p.IP.Payload[packet.ICMPLen:], &quote); err != nil || quote.Dst != w.peer || quote.Src != w.guest {
			t.Errorf("quote %+v, %v", quote, err)
		}
		w.gone()
	}
}

func TestNoConnection(t *testing.T) {
	w := newWire(t)
	w.ack = 555
	w.say(packet.ACK, "lost")
	w.want(w.one(), packet.RST, 555, 0)
	w.say(packet.FIN, "")
	w.want(w.one(), packet.RST|packet.ACK, 0, w.seq+1)
	w.say(packet.RST, "")
	w.say(packet.SYN|packet.FIN, "")
	if all := w.take(); len(all) != 1 || all[0].Flags&packet.RST == 0 {
		t.Errorf("to a SYN with FIN: %s", text(all))
	}
}

func TestDataBothWays(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.say(ackFlag|packet.PSH, "question")
	w.seq += 8
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	if got := w.read(c, 8); got != "question" {
		t.Errorf("%q", got)
	}
	w.write(c, "the answer")
	p := w.one()
	w.want(p, packet.ACK, w.ack, w.seq)
	if p.Flags&packet.PSH == 0 || string(p.Segment.Payload) != "the answer" {
		t.Errorf("%q %s", p.Segment.Payload, flagNames(p.Flags))
	}
	w.ack += 10
	w.say(packet.ACK, "")
	w.none()
	if w.s.pool.used != 0 {
		t.Errorf("a connection at rest has %d blocks", w.s.pool.used)
	}
	w.pass(probeAfter - time.Second)
	w.none()
}

// TestIdle: a container that has forgotten a connection is asked, and says so. One
// that answers nothing keeps it.
func TestIdle(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.pass(probeAfter / 2)
	w.say(packet.ACK, "x") // it is not idle
	w.seq++
	w.take()
	w.pass(probeAfter/2 + time.Second)
	w.none()
	for range 20 {
		w.pass(probeAfter)
		w.want(w.one(), packet.ACK, w.ack-1, w.seq)
	}
	w.write(c, "data") // is sent again soon
	w.one()
	w.pass(firstRTO + time.Millisecond)
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	w.ack += 4
	w.say(packet.ACK, "")
	w.none()
	w.pass(probeAfter)
	w.want(w.one(), packet.ACK, w.ack-1, w.seq)
	w.say(packet.RST, "")
	w.gone()
}

// TestSpokenFirst: what the peer says with its first breath is heard.
func TestSpokenFirst(t *testing.T) {
	w := newWire(t)
	conns := w.server()
	w.at(w.seq, packet.SYN, "", synOptions...)
	w.one()
	c := <-conns
	defer c.Close()
	conn := w.s.conns[w.flow]
	// As if the connection had taken its time: one event tells that it is there, and
	// that there is something to read.
	conn.state, conn.readable, conn.writable = dialing, false, false
	conn.ready(unix.EPOLLOUT | unix.EPOLLIN | unix.EPOLLRDHUP)
	if conn.state != answering || !conn.readable || !conn.writable || !conn.hup {
		t.Errorf("state %d, readable %v, writable %v, at its end %v", conn.state, conn.readable, conn.writable, conn.hup)
	}
}

// TestSegments: what is larger than a segment goes as one packet that the kernel
// takes apart.
func TestSegments(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	data := strings.Repeat("0123456789", 20000)
	go func() { _, _ = io.WriteString(c, data) }()
	var got strings.Builder
	for got.Len() < len(data) {
		for _, p := range w.take() {
			n := len(p.Segment.Payload)
			if n > 1460 && (p.virtio.GSO != packet.GSOTCPv4 || p.virtio.Size != 1460) {
				t.Fatalf("%d bytes with %+v", n, p.virtio)
			}
			if p.Seq != w.ack {
				t.Fatalf("seq %d, want %d", p.Seq, w.ack)
			}
			got.Write(p.Segment.Payload)
			w.ack += uint32(n)
		}
		w.say(packet.ACK, "")
	}
	if got.String() != data {
		t.Error("the bytes differ")
	}
}

func TestCloseByContainer(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.say(ackFlag|packet.FIN, "bye")
	w.seq += 4
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	b, err := io.ReadAll(c)
	if string(b) != "bye" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	// Half-closed: the other way is open.
	w.write(c, "still here")
	p := w.one()
	w.want(p, packet.ACK, w.ack, w.seq)
	w.ack += 10
	w.say(packet.ACK, "")
	w.none()
	c.Close()
	w.want(w.one(), packet.FIN|packet.ACK, w.ack, w.seq)
	w.ack++
	w.say(packet.ACK, "")
	w.none()
	w.gone() // it was the container that waits
}

func TestCloseByPeer(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.write(c, "last words")
	c.(*net.TCPConn).CloseWrite()
	all := w.take()
	last := all[len(all)-1]
	if last.Flags&packet.FIN == 0 {
		t.Fatalf("no FIN: %s", text(all))
	}
	w.ack += 11
	w.say(packet.ACK, "more")
	w.seq += 4
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	if got := w.read(c, 4); got != "more" {
		t.Errorf("%q", got)
	}
	w.say(ackFlag|packet.FIN, "")
	w.seq++
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	if w.s.conns[w.flow] == nil || w.s.conns[w.flow].state != waiting {
		t.Fatal("not in TIME-WAIT")
	}
	// The FIN again: the acknowledgment was lost.
	w.at(w.seq-1, ackFlag|packet.FIN, "")
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	// A RST changes nothing (RFC 1337).
	w.say(packet.RST, "")
	if w.s.conns[w.flow] == nil {
		t.Error("a RST ended TIME-WAIT")
	}
	w.pass(2*segmentLife + time.Second)
	w.gone()
}

// TestTimeWaitReused: a new connection may take the place of an old one.
func TestTimeWaitReused(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	c.Close()
	p := w.one()
	w.want(p, packet.FIN|packet.ACK, w.ack, w.seq)
	w.ack++
	w.say(ackFlag|packet.FIN, "")
	w.seq++
	w.take()
	old := w.s.conns[w.flow].iss
	w.now += time.Millisecond
	w.seq += 1000
	w.at(w.seq, packet.SYN, "", synOptions...)
	p = w.one()
	w.want(p, packet.SYN|packet.ACK, p.Seq, w.seq+1)
	if !before(old, p.Seq) {
		t.Errorf("sequence numbers went back from %d to %d", old, p.Seq)
	}
}

func TestSimultaneousClose(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	c.(*net.TCPConn).CloseWrite()
	w.want(w.one(), packet.FIN|packet.ACK, w.ack, w.seq)
	w.say(ackFlag|packet.FIN, "") // has not seen ours
	w.seq++
	w.want(w.one(), packet.ACK, w.ack+1, w.seq)
	w.ack++
	w.say(packet.ACK, "")
	if w.s.conns[w.flow] == nil || w.s.conns[w.flow].state != waiting {
		t.Fatal("not in TIME-WAIT")
	}
	w.pass(2*segmentLife + time.Second)
	w.gone()
}

func TestResetByContainer(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.at(w.seq+100, packet.RST, "") // in the window: somebody guesses
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	w.at(w.seq-100, packet.RST, "") // outside
	w.none()
	w.say(packet.RST, "")
	w.none()
	w.gone()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer was told %v", err)
	}
}

func TestResetByPeer(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
	w.want(w.one(), packet.RST|packet.ACK, w.ack, w.seq)
	w.gone()
}

func TestSynInConnection(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.at(w.seq+5, packet.SYN, "")
	w.want(w.one(), packet.ACK, w.ack, w.seq) // RFC 5961, 4
	w.say(ackFlag, "alive")
	w.take()
	if got := w.read(c, 5); got != "alive" {
		t.Errorf("%q", got)
	}
}

func TestKeepAlive(t *testing.T) {
	w := newWire(t)
	w.connect(synOptions...)
	for _, payload := range []string{"", "x"} {
		w.at(w.seq-1, packet.ACK, payload)
		w.want(w.one(), packet.ACK, w.ack, w.seq)
	}
}

func TestAckOfNothing(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	right := w.ack
	w.ack += 5000 // never sent
	w.say(ackFlag, "ignored")
	w.want(w.one(), packet.ACK, right, w.seq)
	w.ack = right - 1<<30 // long ago
	w.say(ackFlag, "ignored")
	w.want(w.one(), packet.ACK, right, w.seq)
	w.ack = right
	w.say(ackFlag, "taken")
	w.take()
	if got := w.read(c, 5); got != "taken" {
		t.Errorf("%q", got)
	}
}

// TestOrder sends segments in every order, some of them overlapping.
func TestOrder(t *testing.T) {
	text := "abcdefghijklmnopqrstuvwxyz"
	pieces := [][2]int{{0, 7}, {5, 12}, {12, 13}, {13, 20}, {18, 26}}
	var orders [][]int
	var permute func(done, left []int)
	permute = func(done, left []int) {
		if len(left) == 0 {
			orders = append(orders, append([]int(nil), done...))
		}
		for i := range left {
			rest := append(append([]int(nil), left[:i]...), left[i+1:]...)
			permute(append(done, left[i]), rest)
		}
	}
	permute(nil, []int{0, 1, 2, 3, 4})
	w := newWire(t)
	c := w.connect(synOptions...)
	for _, order := range orders {
		for _, i := range order {
			p := pieces[i]
			w.at(w.seq+uint32(p[0]), packet.ACK, text[p[0]:p[1]])
		}
		w.seq += uint32(len(text))
		all := w.take()
		w.want(all[len(all)-1], packet.ACK, w.ack, w.seq)
		if got := w.read(c, len(text)); got != text {
			t.Fatalf("order %v: %q", order, got)
		}
	}
	if w.s.pool.used != 0 {
		t.Errorf("%d blocks are kept", w.s.pool.used)
	}
}

func TestSelectiveAcknowledgment(t *testing.T) {
	w := newWire(t)
	w.connect(synOptions...)
	w.at(w.seq+10, packet.ACK, "aaaaa")
	w.take()
	w.at(w.seq+20, packet.ACK, "bbbbb")
	p := w.one()
	w.want(p, packet.ACK, w.ack, w.seq)
	var want [64]byte
	n := packet.PutSACK(want[:], []packet.Range{{From: w.seq + 20, To: w.seq + 25}, {From: w.seq + 10, To: w.seq + 15}})
	if string(p.Options) != string(want[:n]) {
		t.Errorf("options % x, want % x", p.Options, want[:n])
	}
}

// TestPiecesBounded: a container cannot have any number of pieces kept.
func TestPiecesBounded(t *testing.T) {
	w := newWire(t)
	w.connect(synOptions...)
	for i := range 200 {
		w.at(w.seq+uint32(2+2*i), packet.ACK, "x")
	}
	if n := len(w.s.conns[w.flow].ahead); n > mostAhead {
		t.Errorf("%d pieces", n)
	}
}

// TestWindow: what the peer does not take closes the window, which opens again.
// What was allowed once stays so.
func TestWindow(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	chunk := strings.Repeat("x", 60000)
	sent, edge, window := 0, uint32(0), uint32(1)
	for i := 0; window > 0 && i < 1000; i++ {
		n := min(len(chunk), int(window))
		if i == 0 {
			n = len(chunk)
		}
		w.say(packet.ACK, chunk[:n])
		w.seq += uint32(n)
		sent += n
		p := w.one()
		w.want(p, packet.ACK, w.ack, w.seq)
		window = uint32(p.Window) << receiveScale
		if i > 0 && before(p.Ack+window+1<<receiveScale-1, edge) { // but for what rounding takes
			t.Fatalf("the window shrank from %d to %d", edge, p.Ack+window)
		}
		edge = p.Ack + window
	}
	if window != 0 {
		t.Fatalf("the window is %d after %d bytes that nobody reads", window, sent)
	}
	if n := int(w.s.conns[w.flow].rcvEdge - w.seq); n > 0 { // what rounding took is taken
		w.say(packet.ACK, chunk[:n])
		w.seq += uint32(n)
		sent += n
		w.want(w.one(), packet.ACK, w.ack, w.seq)
	}
	// A probe is answered and not taken.
	w.say(packet.ACK, "y")
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	got := 0
	for got < sent {
		b := make([]byte, 1<<20)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Trim(string(b[:n]), "x") != "" {
			t.Fatal("the bytes differ")
		}
		got += n
		w.settle()
	}
	all := w.take()
	if len(all) == 0 {
		t.Fatal("nobody says that the window is open")
	}
	last := all[len(all)-1]
	w.want(last, packet.ACK, w.ack, w.seq)
	if n := uint32(last.Window) << receiveScale; n < receiveWindow/2 {
		t.Errorf("the window is %d", n)
	}
}

// TestWindowKept: blocks become scarce. What was allowed before stays so.
func TestWindowKept(t *testing.T) {
	w := newWire(t)
	w.connect(synOptions...)
	edge := func() uint32 {
		w.say(packet.ACK, "x")
		w.seq++
		p := w.one()
		return p.Ack + uint32(p.Window)<<receiveScale
	}
	first := edge()
	w.s.pool.used += mostBlocks
	if now := edge(); before(now+1<<receiveScale-1, first) || before(w.s.conns[w.flow].rcvEdge, first) {
		t.Errorf("the window ends at %d, and ended at %d", now, first)
	}
	w.s.pool.used -= mostBlocks
}

// TestTinySegments: the window closes for who sends single bytes, too, and what it
// was once is taken.
func TestTinySegments(t *testing.T) {
	w := newWire(t)
	w.connect(synOptions...)
	c := w.s.conns[w.flow]
	c.writable = false // as if the peer took nothing
	chunk := strings.Repeat("x", 60001)
	say := func(n int) (p seen) {
		w.say(packet.ACK, chunk[:n])
		w.seq += uint32(n)
		p = w.one()
		w.want(p, packet.ACK, w.ack, w.seq)
		return p
	}
	for c.rcvEdge-w.seq > uint32(len(chunk)) {
		say(len(chunk))
	}
	say(int(c.rcvEdge-w.seq) - 100)
	edge := c.rcvEdge
	for range 100 {
		p := say(1)
		if left := edge - w.seq; c.rcvEdge != edge || uint32(p.Window) != left>>receiveScale {
			t.Fatalf("%d bytes are left, the window is %d", left, p.Window)
		}
	}
	w.say(packet.ACK, "y")
	w.want(w.one(), packet.ACK, w.ack, w.seq)
}

func TestBeyondWindow(t *testing.T) {
	w := newWire(t)
	w.connect(synOptions...)
	w.at(w.seq+receiveWindow+64, packet.ACK, "far")
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	if w.s.pool.used != 0 {
		t.Error("it was kept")
	}
	// Of one that begins inside only that part is taken.
	edge := w.s.conns[w.flow].rcvEdge
	w.at(edge-2, packet.ACK, "12345")
	var want [64]byte
	n := packet.PutSACK(want[:], []packet.Range{{From: edge - 2, To: edge}})
	if p := w.one(); string(p.Options) != string(want[:n]) {
		t.Errorf("options % x, want % x", p.Options, want[:n])
	}
}

func TestZeroWindowProbe(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.window = 0
	w.say(packet.ACK, "")
	w.write(c, "patience")
	w.none()
	pause := firstRTO
	for range 3 {
		w.pass(pause + time.Millisecond)
		p := w.one()
		w.want(p, packet.ACK, w.ack, w.seq)
		if len(p.Segment.Payload) != 1 {
			t.Fatalf("a probe of %d bytes", len(p.Segment.Payload))
		}
		w.say(packet.ACK, "") // closed
		w.none()
		pause *= 2
	}
	for range 30 { // it never gives up
		w.pass(mostRTO)
		w.one()
		w.say(packet.ACK, "")
	}
	w.window = 100
	w.say(packet.ACK, "")
	var got string
	for _, p := range w.take() {
		got += string(p.Segment.Payload)
	}
	if got != "patience" {
		t.Errorf("%q", got)
	}
	// It is lost: the pauses of the questions do not count.
	pause = firstRTO
	for range mostTry {
		w.pass(pause + time.Millisecond)
		w.want(w.one(), packet.ACK, w.ack, w.seq)
		pause = min(2*pause, mostRTO)
	}
}

func TestRetransmission(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.write(c, "again and again")
	p := w.one()
	times := 0
	pause := firstRTO
	for range 40 {
		w.pass(pause - time.Millisecond)
		w.none() // the pauses grow
		w.pass(2 * time.Millisecond)
		pause = min(2*pause, mostRTO)
		all := w.take()
		if len(all) == 1 && all[0].Flags&packet.RST != 0 {
			break
		}
		if len(all) != 1 || string(all[0].Segment.Payload) != string(p.Segment.Payload) || all[0].Seq != p.Seq {
			t.Fatalf("retransmission %d: %s", times, text(all))
		}
		times++
	}
	if times != mostTry {
		t.Errorf("%d times", times)
	}
	w.gone()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer was told %v", err)
	}
}

// TestRetransmittedFIN loses data and FIN.
func TestRetransmittedFIN(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.write(c, "end")
	c.(*net.TCPConn).CloseWrite()
	w.take()
	w.pass(firstRTO + time.Millisecond)
	p := w.one()
	w.want(p, packet.FIN|packet.ACK, w.ack, w.seq)
	if string(p.Segment.Payload) != "end" {
		t.Errorf("%q", p.Segment.Payload)
	}
	w.ack += 3 // the FIN is lost once more
	w.say(packet.ACK, "")
	w.none()
	w.pass(2*firstRTO + time.Millisecond)
	w.want(w.one(), packet.FIN|packet.ACK, w.ack, w.seq)
	w.ack++
	w.say(packet.ACK, "")
	w.none()
	w.pass(mostRTO)
	w.none()
}

func TestFastRetransmit(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.write(c, strings.Repeat("a", 1000))
	first := w.one()
	for range 4 {
		w.write(c, strings.Repeat("b", 1000))
		w.one()
	}
	for range 2 {
		w.say(packet.ACK, "")
		w.none()
	}
	w.say(packet.ACK, "") // the third duplicate
	p := w.one()
	w.want(p, packet.ACK, first.Seq, w.seq)
	w.ack += 2000 // one more was lost
	w.say(packet.ACK, "")
	w.want(w.one(), packet.ACK, first.Seq+2000, w.seq)
	w.ack += 3000
	w.say(packet.ACK, "")
	w.none()
	w.pass(mostRTO)
	w.none()
}

// TestNoOptions: a peer of 1981 has neither scale nor SACK, and segments of 536 bytes.
func TestNoOptions(t *testing.T) {
	w := newWire(t)
	conns := w.server()
	w.window = 4000
	w.at(w.seq, packet.SYN, "")
	p := w.one()
	if o := packet.ParseSyn(p.Options); o.Scale != -1 || o.SACKPermitted {
		t.Errorf("options %+v", o)
	}
	w.seq++
	w.ack = p.Seq + 1
	w.say(packet.ACK, "")
	c := <-conns
	defer c.Close()
	go func() { _, _ = io.WriteString(c, strings.Repeat("z", 20000)) }()
	for got := 0; got < 20000; {
		inFlight := 0
		for _, p := range w.take() {
			n := len(p.Segment.Payload)
			if n > 536 && p.virtio.Size != 536 {
				t.Fatalf("%d bytes, %+v", n, p.virtio)
			}
			inFlight += n
			w.ack += uint32(n)
		}
		if got += inFlight; inFlight > 4000 {
			t.Fatalf("%d bytes in a window of 4000", inFlight)
		}
		w.say(packet.ACK, "")
	}
}

// TestPublished: somebody connects to a port of the container's.
func TestPublished(t *testing.T) {
	w := newWire(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	there, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	f, err := there.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	there.Close()
	fd, err := unix.Dup(int(f.Fd()))
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.SetNonblock(fd, true)
	from := netip.MustParseAddrPort("192.0.2.9:5555")
	w.s.Connect(fd, from, netip.AddrPortFrom(guest4, 8080), nil)
	w.flow = flow{packet.From(guest4), packet.From(from.Addr()), 8080, 5555}
	p := w.one()
	w.want(p, packet.SYN, p.Seq, 0)
	w.pass(firstRTO + time.Millisecond)
	w.want(w.one(), packet.SYN, p.Seq, 0)
	w.ack = p.Seq + 1
	w.at(w.seq, packet.SYN|packet.ACK, "", synOptions...)
	w.seq++
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	w.write(c, "GET /")
	w.want(w.one(), packet.ACK, w.ack, w.seq)
	w.ack += 5
	w.say(ackFlag|packet.FIN, "200 OK")
	w.seq += 7
	w.take()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	b, err := io.ReadAll(c)
	if string(b) != "200 OK" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

func TestPublishedRefused(t *testing.T) {
	w := newWire(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	from := netip.MustParseAddrPort("192.0.2.9:5555")
	w.s.Connect(pair[0], from, netip.AddrPortFrom(guest4, 8080), nil)
	w.flow = flow{packet.From(guest4), packet.From(from.Addr()), 8080, 5555}
	p := w.one()
	w.ack = p.Seq + 1
	w.at(0, packet.RST|packet.ACK, "")
	w.none()
	w.gone()
}

// TestEnd: whoever is connected when the stack ends is told so.
func TestEnd(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	conn := w.s.conns[w.flow]
	conn.abandon()
	w.want(w.one(), packet.RST|packet.ACK, w.ack, w.seq)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer was told %v", err)
	}
}
