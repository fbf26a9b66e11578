package stack

import (
	"io"
	"strings"
	"testing"
	"time"

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
