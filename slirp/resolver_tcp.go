package slirp

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/dns"
)

// Bounds of connections to the name servers' addresses (RFC 7766, 6).
const (
	mostCallers = 32
	callerLife  = 10 * time.Second // without a question or an answer
)

// caller is a connection of the container's, of which this is the other end: it
// asks, one question after another, each with its length before it (RFC 1035,
// 4.2.2).
type caller struct {
	r      *resolver
	place  int
	fd     int
	forget func()
	late   func()
	in     []byte // the question so far
	out    []byte // what is still to be written

	// Of the question that was passed on: the server's connection, -1 for none, how
	// much of the message was sent to it, and what has come.
	dns.Question
	servers []netip.Addr // those that were not asked yet
	server  int
	leave   func()
	message []byte
	sent    int
	got     []byte
}

// dial takes a connection to a name server of the container's.
func (r *resolver) dial(to netip.AddrPort) (fd int, taken bool) {
	place, ok := r.server(to)
	if !ok {
		return -1, false
	}
	if len(r.callers) >= mostCallers {
		return -1, true
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, true
	}
	c := &caller{r: r, place: place, fd: pair[0], server: -1}
	if c.forget, err = r.stack.Observe(c.fd, c.advance); err != nil {
		unix.Close(pair[0])
		unix.Close(pair[1])
		return -1, true
	}
	r.callers[c] = true
	c.late = r.stack.After(callerLife, c.end)
	return pair[1], true
}

// advance does what can be done, until something has to be waited for.
func (c *caller) advance() {
	for c.fd >= 0 {
		var on bool
		switch {
		case len(c.out) > 0:
			on = c.write()
		case c.server >= 0:
			on = c.converse()
		default:
			on = c.read()
		}
		if !on {
			return
		}
	}
}

// alive puts off the end.
func (c *caller) alive() {
	c.late()
	c.late = c.r.stack.After(callerLife, c.end)
}

// read takes a question.
func (c *caller) read() (on bool) {
	want := 2
	if len(c.in) >= 2 {
		want += int(binary.BigEndian.Uint16(c.in))
	}
	if want > 2+mostQuestion {
		c.end()
		return false
	}
	if len(c.in) == want && want > 2 {
		c.asked(c.in[2:])
		c.in = c.in[:0]
		return true
	}
	if want == 2 && len(c.in) == 2 { // of no length
		c.end()
		return false
	}
	n, err := unix.Read(c.fd, c.r.buf[:want-len(c.in)])
	return c.after(n, err, func() { c.in = append(c.in, c.r.buf[:n]...) })
}

// after is what to do after a read or a write of the container's connection.
func (c *caller) after(n int, err error, done func()) (on bool) {
	switch {
	case err == unix.EINTR:
		return true
	case err == unix.EAGAIN:
		return false
	case err != nil || n == 0:
		c.end()
		return false
	}
	done()
	return true
}

func (c *caller) write() (on bool) {
	n, err := unix.Write(c.fd, c.out)
	return c.after(n, err, func() { c.out = c.out[n:] })
}

// asked answers a question, or passes it on.
func (c *caller) asked(b []byte) {
	c.alive()
	if err := dns.ParseQuestion(b, &c.Question); err != nil {
		reply, ok := dns.Malformed(nil, b)
		if !ok {
			c.end()
			return
		}
		c.say(reply)
		return
	}
	reply, pass := c.r.judge(&c.Question)
	if !pass {
		c.say(c.Reply(nil, reply))
		return
	}
	c.message = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	_ = dns.ParseQuestion(c.message[2:], &c.Question) // which lasts longer than b
	c.servers = c.r.order(c.place)
	c.next()
}

func (c *caller) say(b []byte) {
	c.out = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// next calls the next server that can be called.
func (c *caller) next() {
	c.leaves()
	for len(c.servers) > 0 {
		server := c.servers[0]
		c.servers = c.servers[1:]
		fd, err := serverSocket(server, unix.SOCK_STREAM)
		if err != nil {
			continue
		}
		if c.leave, err = c.r.stack.Observe(fd, c.advance); err != nil {
			unix.Close(fd)
			continue
		}
		c.server, c.sent, c.got = fd, 0, nil
		return
	}
	c.say(c.Reply(nil, dns.Reply{Code: dns.ServerFailure}))
}

// converse asks the server and takes its answer.
func (c *caller) converse() (on bool) {
	var n int
	var err error
	if c.sent < len(c.message) {
		n, err = unix.SendmsgN(c.server, c.message[c.sent:], nil, nil, unix.MSG_NOSIGNAL)
		c.sent += max(n, 0)
	} else {
		want := 2
		if len(c.got) >= 2 {
			want += int(binary.BigEndian.Uint16(c.got))
		}
		n, err = unix.Read(c.server, c.r.buf[:min(want-len(c.got), len(c.r.buf))])
		c.got = append(c.got, c.r.buf[:max(n, 0)]...)
		if len(c.got) == want && want > 2 {
			c.answered(c.got)
			return true
		}
	}
	switch {
	case err == unix.EINTR:
	case err == unix.EAGAIN:
		return false
	case err != nil || n == 0:
		c.next()
	}
	return true
}

// answered passes an answer on. One that is none is as good as silence.
func (c *caller) answered(b []byte) {
	c.alive()
	if !c.r.admit(&c.Question, b[2:]) {
		c.next()
		return
	}
	c.out = b
	c.leaves()
}

// leaves lets go of the server.
func (c *caller) leaves() {
	if c.server >= 0 {
		c.leave()
		unix.Close(c.server)
		c.server, c.got = -1, nil
	}
}

// hang lets go of everything.
func (c *caller) hang() {
	c.leaves()
	if c.fd >= 0 {
		c.late()
		c.forget()
		unix.Close(c.fd)
		c.fd = -1
	}
}

func (c *caller) end() {
	c.hang()
	delete(c.r.callers, c)
}
