package relay

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Bounds of one relay: its connections, and the bytes in it that nobody takes, from
// where on only little is read at once.
const (
	mostPairs = 1 << 14
	mostHeld  = 64 << 20
	leastRead = 4 << 10
)

// listener is a TCP port.
type listener struct {
	r    *Relay
	fd   int
	port uint16
}

// Connections leads those who connect to a listening socket to a port of the
// other namespace. The socket is the relay's from then on; it must not block. Not ok: the relay has
// ended.
func (r *Relay) Connections(fd int, port uint16) (ok bool) {
	return r.do(func() { r.publish(fd, &listener{r, fd, port}) })
}

func (r *Relay) publish(fd int, s source) {
	if _, err := r.watch(fd, s, unix.EPOLLIN); err != nil {
		s.close()
	}
}

// Withdraw frees a port: nobody connects any more when it returns. Who is connected
// stays. Not ok: the relay has ended.
func (r *Relay) Withdraw(fd int) (ok bool) {
	done := make(chan struct{})
	if !r.do(func() {
		defer close(done)
		for id, s := range r.sources {
			l, tcp := s.(*listener)
			u, udp := s.(*datagrams)
			if tcp && l.fd == fd || udp && u.fd == fd {
				s.close()
				delete(r.sources, id)
			}
		}
	}) {
		return false
	}
	<-done
	return true
}

func (l *listener) close() { unix.Close(l.fd) }

func (l *listener) ready(uint32) {
	const most = 256 // then others have their turn
	for range most {
		fd, client, ok := l.r.accept.Accept(l.fd)
		if !ok {
			return
		}
		l.r.connect(fd, l.r.targets(client.Addr(), l.port))
	}
}

// pair is a client's connection and that to its server.
type pair struct {
	r            *Relay
	client       end
	server       end
	more         []netip.AddrPort // where else to try
	connecting   bool
	queued, over bool
	reset        bool // an end was reset while there was still something to pass on
}

// connect makes the connection to the first server that answers.
func (r *Relay) connect(fd int, to []netip.AddrPort) {
	p := &pair{r: r, more: to}
	p.client, p.server = end{p: p, fd: fd}, end{p: p, fd: -1}
	if len(r.pairs) >= mostPairs || !p.client.watch() {
		Abort(fd)
		return
	}
	r.pairs[p] = true
	p.try()
}

// try makes the next attempt to connect.
func (p *pair) try() {
	for len(p.more) > 0 {
		to := p.more[0]
		p.more = p.more[1:]
		fd, connected, err := dial(to, unix.SOCK_STREAM)
		if err != nil {
			continue
		}
		p.server = end{p: p, fd: fd}
		if !p.server.watch() {
			break
		}
		p.connecting = !connected
		p.server.writable = connected
		if connected {
			p.queue()
		}
		return
	}
	p.abort()
}

// queue gives it a turn.
func (p *pair) queue() {
	if !p.queued && !p.over {
		p.queued = true
		p.r.turns = append(p.r.turns, p)
	}
}

// turn moves what can be moved, both ways.
func (p *pair) turn() {
	p.queued = false
	if p.over || p.connecting {
		return
	}
	more := p.pass(&p.client, &p.server)
	if !p.over {
		more = p.pass(&p.server, &p.client) || more
	}
	switch {
	case p.over:
	case p.client.finished() && p.server.finished() && p.reset:
		p.abort()
	case p.client.finished() && p.server.finished():
		p.forget()
		unix.Close(p.client.fd)
		unix.Close(p.server.fd)
	case more:
		p.queue()
	}
}

// atOnce is how often one connection may read before others do.
const atOnce = 8

// pass moves bytes from one end to the other; more: there may be some left.
func (p *pair) pass(from, to *end) (more bool) {
	if !to.flush() {
		return false
	}
	for range atOnce {
		if !from.readable || from.eof {
			break
		}
		b := p.r.buf
		if p.r.held > mostHeld {
			b = b[:leastRead]
		}
		n, err := unix.Read(from.fd, b)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			from.readable = false
		case err != nil:
			p.abort()
			return false
		case n == 0:
			from.eof = true
		default:
			// Told once: but an end may have come together with the last bytes.
			from.readable = n == len(b) || from.hup
			if !to.write(b[:n]) {
				return false
			}
		}
	}
	if from.eof && !to.shut {
		to.shut = true
		_ = unix.Shutdown(to.fd, unix.SHUT_WR)
	}
	return from.readable && !from.eof
}

// abort tells both that the connection was not ended in order.
func (p *pair) abort() {
	p.forget()
	for _, e := range []*end{&p.client, &p.server} {
		if e.fd >= 0 {
			Abort(e.fd)
		}
	}
}

func (p *pair) forget() {
	p.over = true
	p.client.hold(nil)
	p.server.hold(nil)
	delete(p.r.pairs, p)
	delete(p.r.sources, p.client.id)
	delete(p.r.sources, p.server.id)
}
