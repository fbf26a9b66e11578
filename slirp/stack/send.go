package stack

import (
	"time"

	"coracle/slirp/packet"
)

// acknowledged takes the acknowledgment and the window; false: the segment is to
// be dropped.
func (c *conn) acknowledged(seg *packet.Segment) bool {
	if before(c.sndMax, seg.Ack) {
		c.owe() // of what was never sent
		return false
	}
	if before(seg.Ack, c.sndUna-c.mostWnd) {
		c.owe() // RFC 5961, 5.2
		return false
	}
	window := uint32(seg.Window) << c.scale
	same := window == c.sndWnd
	if before(c.sndWl1, seg.Seq) || c.sndWl1 == seg.Seq && upTo(c.sndWl2, seg.Ack) {
		opens := c.sndWnd == 0 && window > 0
		c.sndWnd, c.sndWl1, c.sndWl2 = window, seg.Seq, seg.Ack
		c.mostWnd = max(c.mostWnd, window)
		if opens { // what was counted were questions for this
			c.tries, c.rto = 0, firstRTO
			c.arm()
		}
	}
	switch {
	case before(c.sndUna, seg.Ack):
		c.advance(seg.Ack)
	case seg.Ack == c.sndUna && seg.Len() == 0 && same && c.sndNxt != c.sndUna:
		c.duplicate()
	}
	c.kick()
	return true
}

// advance is for an acknowledgment of something new.
func (c *conn) advance(ack uint32) {
	n := ack - c.sndUna
	data := min(int(n), c.outLen) // the rest is a FIN
	c.out.advance(&c.s.pool, data)
	c.outLen -= data
	if c.outLen == 0 {
		c.out.rest(&c.s.pool)
	}
	c.sndUna = ack
	if before(c.sndNxt, ack) {
		c.sndNxt = ack
	}
	if c.timing && before(c.timingSeq, ack) {
		c.measured(c.s.now - c.timingAt)
		c.timing = false
	}
	c.dups, c.tries = 0, 0
	switch {
	case c.mending && before(ack, c.recover):
		c.again() // one more is missing (RFC 6582, 3.2)
	case c.mending:
		c.mending = false
		c.cwnd = c.ssthresh
	case c.cwnd < c.ssthresh:
		c.cwnd += min(n, uint32(c.segment))
	default:
		c.cwnd += max(1, uint32(c.mss)*uint32(c.mss)/c.cwnd)
	}
	c.cwnd = min(c.cwnd, mostInFlight)
	c.arm()
}

// measured is RFC 6298, 2.
func (c *conn) measured(rtt time.Duration) {
	if c.srtt == 0 {
		c.srtt, c.rttvar = rtt, rtt/2
	} else {
		c.rttvar += (max(c.srtt-rtt, rtt-c.srtt) - c.rttvar) / 4
		c.srtt += (rtt - c.srtt) / 8
	}
	c.srtt = max(c.srtt, 1)
	c.rto = min(max(c.srtt+4*c.rttvar, leastRTO), mostRTO)
}

// duplicate is for an acknowledgment of nothing new: fast retransmit and fast
// recovery (RFC 5681, 3.2).
func (c *conn) duplicate() {
	if c.dups < 255 {
		c.dups++
	}
	switch {
	case c.mending:
		c.cwnd = min(c.cwnd+uint32(c.mss), mostInFlight)
	case c.dups == 3:
		c.halve()
		c.mending, c.recover = true, c.sndMax
		c.cwnd = c.ssthresh + 3*uint32(c.mss)
		c.again()
	}
}

func (c *conn) halve() {
	c.ssthresh = max((c.sndNxt-c.sndUna)/2, 4*uint32(c.mss))
}

// again sends the first segment that was not acknowledged once more.
func (c *conn) again() {
	c.timing = false // Karn: which one is answered nobody knows
	n := min(c.outLen, c.mss, int(c.sndMax-c.sndUna))
	flags := uint8(packet.ACK)
	if c.said && c.sndUna+uint32(n) == c.endAt {
		flags |= packet.FIN
	}
	c.emit(c.sndUna, flags, nil, 0, n)
}

// usable is how much more may be read from the peer: what can be sent at once.
func (c *conn) usable() int {
	limit := min(c.sndWnd, c.cwnd)
	if c.s.pool.low() {
		limit = min(limit, scarce)
	}
	if c.outLen == 0 && c.sndWnd == 0 {
		return 1 // to ask with whether the window has opened
	}
	room := int(limit) - c.outLen
	// Rather a long packet a moment later than a short one (RFC 9293, 3.8.6.2.1).
	if c.sndNxt != c.sndUna && room < min(c.segment, int(c.mostWnd/2)) {
		return 0
	}
	return min(room, c.segment)
}

// output sends what the container is ready for.
func (c *conn) output() {
	for c.state == open {
		if c.said && before(c.endAt, c.sndNxt) {
			break // the FIN is out
		}
		sent := int(c.sndNxt - c.sndUna)
		left := c.outLen - sent
		room := int(min(c.sndWnd, c.cwnd)) - sent
		n := min(left, room, c.segment)
		if n < left && n < c.mss && sent > 0 {
			break // silly window (RFC 9293, 3.8.6.2.1)
		}
		if n < 0 || n == 0 && (left > 0 || !c.ended) {
			break
		}
		flags := uint8(packet.ACK)
		if n == left {
			flags |= packet.PSH
			if c.ended {
				flags |= packet.FIN
				if !c.said {
					c.said, c.endAt, c.closed = true, c.sndNxt+uint32(n), !c.finished
				}
			}
		}
		c.emit(c.sndNxt, flags, nil, sent, n)
		if !c.timing && c.sndNxt == c.sndMax {
			c.timing, c.timingSeq, c.timingAt = true, c.sndNxt, c.s.now
		}
		c.sndNxt += uint32(n)
		if flags&packet.FIN != 0 {
			c.sndNxt++
		}
		if before(c.sndMax, c.sndNxt) {
			c.sndMax = c.sndNxt
		}
	}
	if !c.pressed {
		c.arm()
	}
}

// arm sets the timer: for a retransmission, to ask for a window, or to ask whether
// anybody is there.
func (c *conn) arm() {
	if c.state != open {
		return
	}
	at := c.heard + c.s.probe
	if c.pressed = c.sndNxt != c.sndUna || c.outLen > 0; c.pressed {
		at = c.s.now + c.rto
	}
	c.s.timers.set(&c.timed, at)
}

// expired is called when the timer has run out.
func (c *conn) expired(time.Duration) {
	switch c.state {
	case dialing:
		c.abort()
	case waiting:
		c.remove()
	case calling, answering:
		if c.tries++; c.tries > synTries {
			c.reset()
			return
		}
		c.sendSyn()
		c.backOff()
	case open:
		if c.sndNxt == c.sndUna && c.outLen == 0 {
			if c.s.now-c.heard >= c.s.probe {
				c.heard = c.s.now
				c.emit(c.sndNxt-1, packet.ACK, nil, 0, 0)
			}
			c.arm()
			return
		}
		if c.tries++; c.tries > mostTry && c.sndWnd > 0 {
			c.reset()
			return
		}
		c.retransmit()
		c.backOff()
	}
}

func (c *conn) backOff() {
	c.rto = min(2*c.rto, mostRTO)
	c.s.timers.set(&c.timed, c.s.now+c.rto)
}

// retransmit begins again with what was not acknowledged (RFC 5681, 3.1), or asks
// by a byte whether the window has opened (RFC 9293, 3.8.6.1).
func (c *conn) retransmit() {
	if c.sndWnd == 0 && c.outLen > 0 {
		c.tries = min(c.tries, mostTry)
		c.emit(c.sndUna, packet.ACK, nil, 0, 1)
		if c.sndMax == c.sndUna {
			c.sndMax++
		}
		return
	}
	if c.sndNxt == c.sndUna {
		return
	}
	c.halve()
	c.cwnd = uint32(c.mss)
	c.mending, c.dups, c.timing = false, 0, false
	c.sndNxt = c.sndUna
	c.output()
}

// acknowledge sends what was received, and what beyond a gap.
func (c *conn) acknowledge() {
	var options [4 + 8*packet.MaxSACK]byte
	n := 0
	if c.sack {
		n = packet.PutSACK(options[:], c.ahead)
	}
	c.emit(c.sndNxt, packet.ACK, options[:n], 0, 0)
}

// owe promises an acknowledgment at the end of the burst.
func (c *conn) owe() {
	if !c.owes {
		c.owes = true
		c.s.acks = append(c.s.acks, c)
	}
}
