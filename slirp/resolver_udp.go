package slirp

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/dns"
)

// Bounds of questions that wait for their answer.
const (
	mostAsked = 256
	// mostQuestion is the longest that is passed on, in bytes.
	mostQuestion = 4096
	// nextServer is after what silence the next server is asked, and lastServer how
	// long the last one is waited for.
	nextServer = 2500 * time.Millisecond
	lastServer = 10 * time.Second
)

// asking names a question that waits: who asks again asks the same.
type asking struct {
	from, to netip.AddrPort
	id       uint16
}

// question is one that was passed on.
type question struct {
	r *resolver
	asking
	dns.Question
	message []byte
	servers []netip.Addr // those that were not asked yet
	fd      int
	forget  func()
	late    func()
}

// server is the place among the container's name servers that an address has.
func (r *resolver) server(to netip.AddrPort) (place int, ok bool) {
	place = slices.Index(r.plan.DNS[:], to.Addr())
	return place, place >= 0 && to.Port() == dnsPort
}

// datagram takes what the container sends to a name server of its.
func (r *resolver) datagram(from, to netip.AddrPort, b []byte) bool {
	place, ok := r.server(to)
	if !ok {
		return false
	}
	var q dns.Question
	if err := dns.ParseQuestion(b, &q); err != nil || len(b) > mostQuestion {
		if reply, ok := dns.Malformed(nil, b); ok {
			r.stack.Reply(to, from, reply)
		}
		return true
	}
	reply, pass := r.judge(&q)
	if !pass {
		r.stack.Reply(to, from, q.Reply(r.buf[:0], reply))
		return true
	}
	key := asking{from, to, q.ID}
	if old := r.asked[key]; old != nil {
		if old.Same(&q) {
			_, _ = unix.Write(old.fd, old.message)
			return true
		}
		old.end()
	}
	if len(r.asked) >= mostAsked {
		for _, old := range r.asked {
			old.end()
			break
		}
	}
	w := &question{r: r, asking: key, message: slices.Clone(b), servers: r.order(place), fd: -1}
	_ = dns.ParseQuestion(w.message, &w.Question) // which lasts longer than b
	r.asked[key] = w
	w.next()
	return true
}

// order are the host's servers, that of the place first.
func (r *resolver) order(place int) []netip.Addr {
	list := r.servers.get()
	if place >= len(list) {
		place = 0
	}
	return slices.Concat(list[place:], list[:place])
}

// next asks the next server that can be asked. When there is none the container is
// told so at once: it need not wait for the time to pass.
func (w *question) next() {
	w.hang()
	for len(w.servers) > 0 {
		server := w.servers[0]
		w.servers = w.servers[1:]
		var err error
		if w.fd, err = serverSocket(server, unix.SOCK_DGRAM); err != nil {
			continue
		}
		if w.forget, err = w.r.stack.Observe(w.fd, w.ready); err == nil {
			_, err = unix.Write(w.fd, w.message)
		}
		if err != nil {
			w.hang()
			continue
		}
		if len(w.servers) > 0 {
			w.late = w.r.stack.After(nextServer, w.next)
		} else {
			w.late = w.r.stack.After(lastServer, w.end)
		}
		return
	}
	w.r.stack.Reply(w.to, w.from, w.Reply(w.r.buf[:0], dns.Reply{Code: dns.ServerFailure}))
	w.end()
}

// ready takes what has come.
func (w *question) ready() {
	for w.fd >= 0 {
		n, err := unix.Read(w.fd, w.r.buf)
		switch err {
		case nil:
			if w.r.admit(&w.Question, w.r.buf[:n]) {
				w.r.stack.Reply(w.to, w.from, w.r.buf[:n])
				w.end()
			}
		case unix.EINTR:
		case unix.EAGAIN:
			return
		default: // nobody listens there, or it cannot be reached
			w.next()
		}
	}
}

// hang lets go of the server.
func (w *question) hang() {
	if w.late != nil {
		w.late()
		w.late = nil
	}
	if w.forget != nil {
		w.forget()
		w.forget = nil
	}
	if w.fd >= 0 {
		unix.Close(w.fd)
		w.fd = -1
	}
}

func (w *question) end() {
	w.hang()
	delete(w.r.asked, w.asking)
}
