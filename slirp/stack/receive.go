package stack

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// tcp handles a segment from the container.
func (s *Stack) tcp(h *packet.IP) error {
	var seg packet.Segment
	if err := packet.ParseTCP(h.Payload, &seg); err != nil {
		return err
	}
	f := flow{h.Src, h.Dst, seg.SrcPort, seg.DstPort}
	c := s.conns[f]
	if c != nil && c.state == waiting && seg.Flags&(packet.SYN|packet.ACK|packet.RST) == packet.SYN && before(c.rcvNxt, seg.Seq) {
		c.remove() // it was used again (RFC 9293, 3.10.7.4, first step)
		c = nil
	}
	if c != nil {
		c.heard = s.now
		c.receive(&seg)
		return nil
	}
	switch {
	case seg.Flags&packet.RST != 0:
	case seg.Flags&(packet.SYN|packet.ACK|packet.FIN) == packet.SYN:
		s.asked(h, f, &seg)
	default:
		s.refuse(&f, &seg)
	}
	return nil
}

// refuse is the answer to a segment of no connection (RFC 9293, 3.10.7.1).
func (s *Stack) refuse(f *flow, seg *packet.Segment) {
	c := conn{s: s, flow: *f, mss: 1} // for its header; nobody keeps it
	if seg.Flags&packet.ACK != 0 {
		c.emit(seg.Ack, packet.RST, nil, 0, 0)
		return
	}
	c.rcvNxt = seg.Seq + seg.Len()
	c.emit(0, packet.RST|packet.ACK, nil, 0, 0)
}

// asked makes the connection that the container asks for. Its SYN is answered
// when the peer's answer is here: "connected" means so.
func (s *Stack) asked(h *packet.IP, f flow, seg *packet.Segment) {
	if s.opens >= mostOpening || len(s.conns) >= mostConns {
		return // it will ask again
	}
	to := netip.AddrPortFrom(f.peer.Netip(), f.peerPort)
	if f.peerPort == dnsPort && s.Local.Dial != nil {
		if fd, taken := s.Local.Dial(to); taken {
			s.local(f, seg, fd)
			return
		}
	}
	verdict := Allow
	if s.Route != nil {
		to, verdict = s.Route(packet.TCP, to)
	}
	switch {
	case !unicast(&f.peer), verdict == Drop, f.guestPort == 0:
		return
	case verdict == Refuse, f.peerPort == 0:
		s.refuse(&f, seg)
		return
	case verdict == Prohibit:
		s.unreachable(h, unix.EACCES)
		return
	}
	c := s.newConn(f)
	s.opens++
	c.agree(seg)
	if err := c.dial(to); err != 0 {
		c.failed(h, err)
	}
}

// failed tells the container why there is no connection. h is the packet that
// asked for it, nil when that is long gone.
func (c *conn) failed(h *packet.IP, err unix.Errno) {
	switch err {
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EACCES, unix.EPERM, unix.EADDRNOTAVAIL, unix.EAFNOSUPPORT, unix.EINVAL:
		if h == nil {
			h = c.syn()
		}
		c.s.unreachable(h, err)
	case unix.ETIMEDOUT, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EAGAIN:
		// It tries again, and finds out by itself.
	default:
		c.s.refuse(&c.flow, &packet.Segment{Seq: c.rcvNxt - 1, Flags: packet.SYN})
	}
	c.remove()
}

// syn is the container's SYN again, as far as an ICMP message quotes it.
func (c *conn) syn() *packet.IP {
	var b [packet.TCPLen]byte
	packet.PutTCP(b[:], &packet.Segment{SrcPort: c.guestPort, DstPort: c.peerPort, Seq: c.rcvNxt - 1, Flags: packet.SYN}, 0)
	return &packet.IP{Src: c.guest, Dst: c.peer, Protocol: packet.TCP, Payload: b[:], V6: !c.guest.Is4()}
}

// receive is RFC 9293, 3.10.7.4.
func (c *conn) receive(seg *packet.Segment) {
	switch c.state {
	case dialing:
		if seg.Flags&packet.RST != 0 && seg.Seq == c.rcvNxt {
			c.abort()
			return
		}
		if seg.Flags&packet.SYN != 0 { // again: it still wants to
			c.rto = min(2*c.rto, mostRTO)
			c.s.timers.set(&c.timed, c.s.now+patience*c.rto)
		}
		return
	case calling:
		c.answered(seg)
		return
	}
	if !c.acceptable(seg) {
		if seg.Flags&packet.RST == 0 {
			if c.state == answering && seg.Flags&packet.SYN != 0 {
				c.sendSyn() // ours was lost
				return
			}
			c.owe()
		}
		return
	}
	if seg.Flags&packet.RST != 0 {
		switch {
		case c.state == waiting: // it changes nothing (RFC 1337)
		case seg.Seq == c.rcvNxt:
			c.abort()
		default:
			c.owe() // somebody guesses (RFC 5961, 3.2)
		}
		return
	}
	if seg.Flags&packet.SYN != 0 {
		if c.state == answering {
			c.sendSyn()
		} else {
			c.owe() // RFC 5961, 4.2
		}
		return
	}
	if seg.Flags&packet.ACK == 0 {
		return
	}
	if c.state == answering {
		if seg.Ack != c.iss+1 {
			c.s.refuse(&c.flow, seg)
			return
		}
		c.opened(seg)
	}
	if !c.acknowledged(seg) {
		return
	}
	if c.state == waiting {
		if seg.Len() > 0 {
			c.owe()
			c.s.timers.set(&c.timed, c.s.now+2*segmentLife)
		}
		return
	}
	c.accept(seg)
	c.progress()
}

// answered takes the answer to our SYN.
func (c *conn) answered(seg *packet.Segment) {
	if seg.Flags&packet.ACK != 0 && seg.Ack != c.iss+1 {
		if seg.Flags&packet.RST == 0 {
			c.s.refuse(&c.flow, seg)
		}
		return
	}
	switch {
	case seg.Flags&packet.RST != 0:
		if seg.Flags&packet.ACK != 0 {
			c.refuse()
		}
	case seg.Flags&packet.SYN == 0:
	case seg.Flags&packet.ACK == 0: // it calls us at the same time
		c.agree(seg)
		c.state = answering
		c.sendSyn()
	default:
		c.agree(seg)
		c.sndUna = seg.Ack
		c.opened(seg)
		c.owe()
		c.kick()
	}
}

// opened is ESTABLISHED.
func (c *conn) opened(seg *packet.Segment) {
	c.settle(open)
	c.sndUna, c.tries, c.rto = c.iss+1, 0, firstRTO
	c.sndWl2 = seg.Ack
	c.s.timers.set(&c.timed, 0)
	c.kick()
}

// acceptable is the first check (RFC 9293, 3.10.7.4): some of the segment is in
// the window.
func (c *conn) acceptable(seg *packet.Segment) bool {
	size, window := seg.Len(), c.rcvEdge-c.rcvNxt
	switch {
	case size == 0 && window == 0:
		return seg.Seq == c.rcvNxt
	case size == 0:
		return upTo(c.rcvNxt, seg.Seq) && upTo(seg.Seq, c.rcvEdge)
	case window == 0:
		// Acknowledgments and resets count with a closed window, too; data does not.
		return seg.Seq == c.rcvNxt && seg.Flags&packet.FIN != 0 && len(seg.Payload) == 0
	}
	last := seg.Seq + size - 1
	return upTo(c.rcvNxt, seg.Seq) && before(seg.Seq, c.rcvEdge) || upTo(c.rcvNxt, last) && before(last, c.rcvEdge) ||
		before(seg.Seq, c.rcvNxt) && !before(last, c.rcvEdge)
}

// mostAhead bounds the pieces beyond gaps.
const mostAhead = 32

// accept takes the text and the FIN.
func (c *conn) accept(seg *packet.Segment) {
	if seg.Len() == 0 || c.finished {
		if seg.Len() > 0 {
			c.owe()
		}
		return
	}
	c.owe()
	b, seq := seg.Payload, seg.Seq
	if seg.Flags&packet.FIN != 0 && !c.fin {
		c.fin, c.finAt = true, seq+uint32(len(b))
	}
	if before(seq, c.rcvNxt) { // some of it came before
		b = b[min(len(b), int(c.rcvNxt-seq)):]
		seq = c.rcvNxt
	}
	if over := int32(seq + uint32(len(b)) - c.rcvEdge); over > 0 {
		b = b[:max(0, len(b)-int(over))]
	}
	if c.fin && before(c.finAt, seq+uint32(len(b))) {
		b = b[:max(0, int32(c.finAt-seq))] // behind its end
	}
	switch {
	case len(b) == 0:
	case seq != c.rcvNxt:
		c.keep(seq, b)
	default:
		n := 0
		if c.unread() == 0 && c.writable {
			if n = c.pass(b); c.state != open {
				return
			}
			c.inBase += uint32(n)
			if n > 0 && len(c.in.blocks) > 0 {
				c.in.advance(&c.s.pool, n)
			}
		}
		kept := c.in.write(&c.s.pool, int(c.rcvNxt+uint32(n)-c.inBase), b[n:])
		c.rcvNxt += uint32(n + kept)
		c.join()
	}
	if c.state == open && c.fin && !c.finished && c.rcvNxt == c.finAt {
		c.finished = true
		c.rcvNxt++
	}
}

// keep stores what lies beyond a gap.
func (c *conn) keep(seq uint32, b []byte) {
	if len(c.ahead) >= mostAhead {
		return
	}
	n := c.in.write(&c.s.pool, int(seq-c.inBase), b)
	if n == 0 {
		return
	}
	r := packet.Range{From: seq, To: seq + uint32(n)}
	// The latest comes first in what the sender is told (RFC 2018, 4).
	rest := c.ahead[:0]
	for _, o := range c.ahead {
		if before(r.To, o.From) || before(o.To, r.From) {
			rest = append(rest, o)
			continue
		}
		if before(o.From, r.From) {
			r.From = o.From
		}
		if before(r.To, o.To) {
			r.To = o.To
		}
	}
	c.ahead = slices.Insert(rest, 0, r)
}

// join moves the end of what is whole over pieces that it has reached.
func (c *conn) join() {
	for again := true; again; {
		again = false
		for i, o := range c.ahead {
			if upTo(o.From, c.rcvNxt) {
				if before(c.rcvNxt, o.To) {
					c.rcvNxt = o.To
				}
				c.ahead = slices.Delete(c.ahead, i, i+1)
				again = true
				break
			}
		}
	}
}
