package stack

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// What a container can make grow has a bound, and works on at it.

func TestOpeningBounded(t *testing.T) {
	w := newWire(t)
	w.server()
	for port := range uint16(mostOpening + 100) { // a flood of SYNs that are never followed up
		w.guestPort = 1024 + port
		w.at(w.seq, packet.SYN, "")
		w.take()
	}
	if w.s.opens != mostOpening || len(w.s.conns) != mostOpening {
		t.Errorf("%d opening, %d connections", w.s.opens, len(w.s.conns))
	}
	for range 20 {
		w.pass(mostRTO)
		w.take()
	}
	if w.s.opens != 0 || len(w.s.conns) != 0 {
		t.Errorf("%d opening, %d connections after their time", w.s.opens, len(w.s.conns))
	}
	w.guestPort = 9
	w.at(w.seq, packet.SYN, "")
	w.want(w.one(), packet.SYN|packet.ACK, w.s.conns[w.flow].iss, w.seq+1)
}

func TestConnectionsBounded(t *testing.T) {
	w := newWire(t)
	w.server()
	for port := range mostConns {
		f := flow{guest: w.guest, peer: w.guest, guestPort: uint16(port), peerPort: 1}
		w.s.conns[f] = &conn{s: w.s, flow: f, fd: -1, state: waiting}
	}
	w.at(w.seq, packet.SYN, "")
	w.none()
	if len(w.s.conns) != mostConns {
		t.Errorf("%d connections", len(w.s.conns))
	}
}

func TestTimeWaitBounded(t *testing.T) {
	w := newWire(t)
	for port := range uint16(mostTimeWait + 10) {
		w.guestPort = port
		c := w.s.newConn(w.flow)
		c.state = open
		c.linger()
	}
	if len(w.s.conns) != mostTimeWait || len(w.s.waits) != mostTimeWait {
		t.Errorf("%d connections, %d waiting", len(w.s.conns), len(w.s.waits))
	}
	w.guestPort = 0
	if w.s.conns[w.flow] != nil {
		t.Error("the oldest is there")
	}
	w.pass(2*segmentLife + time.Second)
	w.gone()
}

// TestBlocksBounded has a connection in need of more blocks than there are.
func TestBlocksBounded(t *testing.T) {
	w := newWire(t)
	w.s.pool.most = 3
	c := w.connect(synOptions...)
	data := strings.Repeat("0123456789abcdef", 40000)
	go func() { _, _ = io.WriteString(c, data) }()
	var got strings.Builder
	for got.Len() < len(data) {
		for _, p := range w.take() {
			got.Write(p.Segment.Payload)
			w.ack += uint32(len(p.Segment.Payload))
			if w.s.pool.used > 3 {
				t.Fatalf("%d blocks", w.s.pool.used)
			}
		}
		w.say(packet.ACK, "")
	}
	if got.String() != data {
		t.Error("the bytes differ")
	}
	// What lies beyond a gap finds no room at some point, and is sent again.
	chunk := strings.Repeat("x", 20000)
	for i := range 10 {
		w.at(w.seq+uint32(1+i*len(chunk)), packet.ACK, chunk)
	}
	if w.s.pool.used > 3 {
		t.Errorf("%d blocks", w.s.pool.used)
	}
	w.take()
	w.say(packet.ACK, "y")
	total := 1
	for range 100 {
		all := w.take()
		if len(all) > 0 {
			w.seq = all[len(all)-1].Ack
		}
		if total = int(w.seq - 1001); total >= 1+10*len(chunk) {
			break
		}
		w.at(w.seq, packet.ACK, chunk[(total-1)%len(chunk):])
	}
	if total < 1+10*len(chunk) {
		t.Errorf("%d bytes arrived", total)
	}
}

// deaf is a port that answers no SYN: its queue is full.
func deaf(t *testing.T) (port uint16) {
	t.Helper()
	socket := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	fd := socket()
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	err := unix.Bind(fd, at)
	if err == nil {
		err = unix.Listen(fd, 0)
	}
	name, nameErr := unix.Getsockname(fd)
	if err != nil || nameErr != nil {
		t.Fatal(err, nameErr)
	}
	at.Port = name.(*unix.SockaddrInet4).Port
	for range 2 {
		_ = unix.Connect(socket(), at)
	}
	return uint16(at.Port)
}

// TestDialingBounded: nobody dials any more for a container that has ceased to ask.
func TestDialingBounded(t *testing.T) {
	w := newWire(t)
	w.peerPort = deaf(t)
	syn := func() *conn {
		w.at(w.seq, packet.SYN, "", synOptions...)
		w.none()
		c := w.s.conns[w.flow]
		if c == nil || c.state != dialing {
			t.Fatalf("it does not dial: %+v", c)
		}
		return c
	}
	syn()
	w.pass(patience*firstRTO - time.Millisecond)
	syn() // its second pause is twice as long
	w.pass(2*patience*firstRTO - time.Millisecond)
	if w.s.conns[w.flow] == nil {
		t.Fatal("it dials no more")
	}
	w.pass(2 * time.Millisecond)
	w.none()
	w.gone()
	syn() // the only one
	w.pass(patience*firstRTO + time.Millisecond)
	w.none()
	w.gone()
	// The answer comes after all: it is said again as soon as any.
	syn()
	syn().ready(unix.EPOLLOUT)
	iss := w.one().Seq
	w.pass(firstRTO + time.Millisecond)
	w.want(w.one(), packet.SYN|packet.ACK, iss, w.seq+1)
}

// TestStarved: who found no block has a turn as soon as there is one, without an
// event of its own, and nobody turns in vain.
func TestStarved(t *testing.T) {
	w := newWire(t)
	c := w.connect(synOptions...)
	w.s.pool.used += mostBlocks
	w.write(c, "at last")
	w.none()
	w.say(packet.ACK, "")
	w.none()
	if n := w.s.wait(); n == 0 || len(w.s.starved) != 1 {
		t.Errorf("without a block: %d wait, the next look is in %d ms", len(w.s.starved), n)
	}
	w.s.pool.used -= mostBlocks
	if n := w.s.wait(); n != 0 {
		t.Errorf("with a block the next look is in %d ms", n)
	}
	if p := w.one(); string(p.Segment.Payload) != "at last" {
		t.Errorf("%q", p.Segment.Payload)
	}
	if n := w.s.wait(); n == 0 || len(w.s.starved) != 0 {
		t.Errorf("afterwards %d wait, the next look is in %d ms", len(w.s.starved), n)
	}
}
