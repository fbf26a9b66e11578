package stack

import (
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// flow names a TCP connection of the container's: its end and the other.
type flow struct {
	guest, peer         packet.Addr
	guestPort, peerPort uint16
}

// state is what of RFC 9293, 3.3.2 has to be told apart; what comes between
// ESTABLISHED and the end shows in what was sent, acknowledged and received.
type state uint8

const (
	dialing   state = iota // the container's SYN is here, our socket connects
	calling                // SYN-SENT: our SYN is on its way
	answering              // SYN-RECEIVED: our SYN is on its way, the container's is here
	open                   // ESTABLISHED to LAST-ACK
	waiting                // TIME-WAIT
	dead
)

const (
	// receiveWindow is how much a container may send before it was passed on. It
	// is a multiple of what one packet of the device holds: sender and receiver
	// take turns on few processors.
	receiveWindow = 1 << 20
	// receiveScale lets the window be said in 16 bits.
	receiveScale = 5
	// firstWindow is the congestion window to begin with. RFC 6928 has ten segments
	// for a path that nothing is known of; this one is a copy within the kernel.
	firstWindow = 256 << 10
	// mostInFlight bounds what is kept for retransmission, and with it what one
	// connection takes of the pool.
	mostInFlight = 2 << 20
	// scarce is the bound, of both directions, when blocks are.
	scarce = 64 << 10
)

// Times of RFC 6298, with the least and greatest that Linux has, and the number
// of tries after which a connection is given up.
const (
	firstRTO = time.Second
	leastRTO = 200 * time.Millisecond
	mostRTO  = time.Minute
	synTries = 5
	mostTry  = 10
	// patience is how many of its pauses the container may let pass without a SYN
	// before nobody dials for it any more.
	patience = 3
	// probeAfter is when the container is asked whether it still knows of a connection
	// on which nothing happens: it may have forgotten it, and the reset that would tell
	// was lost in a full queue. Only a reset ends the connection, so that what RFC
	// 9293, 3.8.4 fears does not happen: two hours, as there, would only keep it longer.
	probeAfter = 5 * time.Minute
	// segmentLife is MSL (RFC 9293, 3.4.2), much less than there: nothing is older
	// on a link without a router.
	segmentLife = 5 * time.Second
)

// conn is one connection: to the container by our TCP, to its peer by a socket.
type conn struct {
	s *Stack
	flow
	timed
	fd, place int
	state     state
	next      *conn // in the queue
	queued    bool
	starving  bool // in the list of those that wait for a block

	// refused is who takes the socket back when the container refuses.
	refused func(fd int)

	// Of the socket: it has something to read, takes something, is at its end; we
	// have ended it.
	readable, writable, hup, ended, shut bool

	// Received from the container. in begins at inBase, is whole up to rcvNxt, and
	// holds ahead beyond.
	in       window
	inBase   uint32
	rcvNxt   uint32
	rcvEdge  uint32 // what we have allowed
	ahead    []packet.Range
	finAt    uint32
	fin      bool // finAt is known
	finished bool // and reached
	owes     bool // an acknowledgment
	sack     bool

	// Sent to the container. out begins at sndUna.
	out       window
	outLen    int
	iss       uint32
	sndUna    uint32
	sndNxt    uint32
	sndMax    uint32
	sndWnd    uint32
	sndWl1    uint32
	sndWl2    uint32
	mostWnd   uint32
	scale     uint8
	rcvScale  uint8
	mss       int
	segment   int    // most bytes of one packet
	endAt     uint32 // where our FIN is
	said      bool   // endAt is known: the FIN was sent
	closed    bool   // before the container's came
	cwnd      uint32
	ssthresh  uint32
	recover   uint32
	dups      uint8
	mending   bool // in fast recovery
	tries     uint8
	rto       time.Duration
	srtt      time.Duration
	rttvar    time.Duration
	pressed   bool          // the timer is for something that was not acknowledged
	heard     time.Duration // when the container sent something
	timing    bool
	timingSeq uint32
	timingAt  time.Duration
}

func (s *Stack) newConn(f flow) *conn {
	c := &conn{s: s, flow: f, fd: -1, place: -1, heard: s.now, rto: firstRTO, cwnd: firstWindow, ssthresh: mostInFlight}
	c.expire = c.expired
	c.iss = s.sequence(&f)
	c.sndUna, c.sndNxt, c.sndMax = c.iss, c.iss, c.iss
	s.conns[f] = c
	return c
}

// agree takes in what the container's SYN says.
func (c *conn) agree(seg *packet.Segment) {
	o := packet.ParseSyn(seg.Options)
	c.inBase, c.rcvNxt = seg.Seq+1, seg.Seq+1
	headers := packet.IPv4Len + packet.TCPLen
	most, least := 65535-headers, 536
	if !c.guest.Is4() {
		headers += packet.IPv6Len - packet.IPv4Len
		least = 1220
	}
	c.mss = least
	if o.MSS > 0 {
		c.mss = max(int(o.MSS), 64)
	}
	c.mss = min(c.mss, c.s.MTU-headers)
	c.segment = most / c.mss * c.mss
	if o.Scale >= 0 {
		c.scale, c.rcvScale = uint8(o.Scale), receiveScale
	}
	c.sack = o.SACKPermitted
	c.sndWnd, c.sndWl1 = uint32(seg.Window), seg.Seq // a SYN's is not scaled (RFC 7323, 2.2)
	c.mostWnd = c.sndWnd
	c.rcvEdge = c.rcvNxt
}

// opening sends our SYN, which answers the container's if that is here.
func (c *conn) opening(st state) {
	c.state = st
	c.sndNxt, c.sndMax = c.iss+1, c.iss+1
	c.sendSyn()
	c.s.timers.set(&c.timed, c.s.now+c.rto)
}

func (c *conn) sendSyn() {
	o := packet.SynOptions{MSS: uint16(c.s.MTU - packet.IPv4Len - packet.TCPLen), Scale: receiveScale, SACKPermitted: true}
	if !c.guest.Is4() {
		o.MSS -= packet.IPv6Len - packet.IPv4Len
	}
	flags := uint8(packet.SYN)
	if c.state == answering {
		flags |= packet.ACK
		if c.rcvScale == 0 {
			o.Scale = -1
		}
		o.SACKPermitted = c.sack
	}
	var options [16]byte
	n := packet.PutSyn(options[:], o)
	c.emit(c.iss, flags, options[:n], 0, 0)
}

// room is how much more the container may send.
func (c *conn) room() uint32 {
	limit := uint32(receiveWindow)
	if c.s.pool.low() {
		limit = scarce
	}
	if used := c.unread(); used < limit {
		return limit - used
	}
	return 0
}

// unread is what was received in order and the socket has not taken.
func (c *conn) unread() uint32 {
	n := c.rcvNxt - c.inBase
	if c.finished {
		n--
	}
	return n
}

// emit sends a segment with n bytes of out from off.
func (c *conn) emit(seq uint32, flags uint8, options []byte, off, n int) {
	l := &c.s.link
	size := packet.TCPLen + len(options) + n
	b, start := l.header(&c.peer, &c.guest, packet.TCP, size)
	copy(b[packet.TCPLen:], options)
	seg := packet.Segment{SrcPort: c.peerPort, DstPort: c.guestPort, Seq: seq, Flags: flags}
	shift := c.rcvScale
	if flags&packet.SYN != 0 {
		shift = 0
	}
	if flags&packet.ACK != 0 {
		seg.Ack = c.rcvNxt
		// What was allowed once stays so (RFC 9293, 3.8.6).
		if edge := c.rcvNxt + c.room(); before(c.rcvEdge, edge) || flags&packet.SYN != 0 {
			c.rcvEdge = edge
		}
		c.owes = false
	}
	if flags&packet.RST == 0 {
		window := uint32(receiveWindow)
		if flags&packet.ACK != 0 {
			window = c.rcvEdge - c.rcvNxt
		}
		if flags&packet.ACK != 0 && flags&packet.SYN == 0 {
			c.rcvEdge = c.rcvNxt + min(window, 65535<<shift)
		}
		// Rounded up it would grow with each segment, and never close. What rounding
		// takes back is taken all the same (RFC 7323, 2.4).
		seg.Window = uint16(min(window>>shift, 65535))
	}
	packet.PutTCP(b, &seg, len(options))
	packet.PutPartial(b[packet.TCPSum:], &c.peer, &c.guest, packet.TCP, size)
	gso, each := uint8(packet.GSOTCPv4), 0
	if !c.guest.Is4() {
		gso = packet.GSOTCPv6
	}
	if n > c.mss {
		each = c.mss
	}
	head := packet.TCPLen + len(options)
	packet.PutVirtio(l.head[:], gso, each, start, head, packet.TCPSum)
	l.list = l.list[:1]
	l.list[0] = l.head[:packet.VirtioLen+start+head]
	l.list = c.out.pieces(l.list, off, n)
	l.write()
}

// reset ends a connection: the container is told by a RST, the peer by another.
func (c *conn) reset() {
	if c.state != dialing && c.state != dead {
		c.emit(c.sndNxt, packet.RST|packet.ACK, nil, 0, 0)
	}
	c.abort()
}

// abandon is for when nobody will serve it any more.
func (c *conn) abandon() {
	if c.state != waiting {
		c.reset()
		return
	}
	c.remove()
}

// abort ends a connection towards its peer by a RST.
func (c *conn) abort() {
	if c.fd >= 0 {
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	c.remove()
}

// remove forgets a connection.
func (c *conn) remove() {
	if c.state == dead {
		return
	}
	c.hang()
	c.settle(dead)
	c.s.timers.drop(&c.timed)
	c.in.release(&c.s.pool)
	c.out.release(&c.s.pool)
	delete(c.s.conns, c.flow)
}

// hang closes the socket.
func (c *conn) hang() {
	if c.fd >= 0 {
		if c.place >= 0 {
			c.s.forget(c.place)
		}
		unix.Close(c.fd)
		c.fd, c.place = -1, -1
	}
}

// settle changes the state. Connections that are being made are counted.
func (c *conn) settle(st state) {
	if c.state <= answering && st > answering {
		c.s.opens--
	}
	c.state = st
	c.owes = c.owes && st != dead
}

// linger is TIME-WAIT.
func (c *conn) linger() {
	c.hang()
	c.in.release(&c.s.pool)
	c.out.release(&c.s.pool)
	c.settle(waiting)
	c.s.timers.set(&c.timed, c.s.now+2*segmentLife)
	c.s.waits = append(c.s.waits, c)
	for len(c.s.waits) > mostTimeWait {
		if old := c.s.waits[0]; old.state == waiting {
			old.remove()
		}
		c.s.waits[0] = nil
		c.s.waits = c.s.waits[1:]
	}
}
