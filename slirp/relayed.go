package slirp

import (
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"coracle/slirp/relay"
)

// Relay leads ports of the host's into a network namespace that has its network
// from somebody else: another helper, or whoever made it. Servers see the
// namespace's own address as every client's.
type Relay struct {
	relay *relay.Relay
	mu    sync.Mutex
	ports map[Port]int // by the listener
}

// NewRelay begins to serve in a thread that joins a network namespace, given as a
// file of /proc/PID/ns; the caller needs CAP_SYS_ADMIN in its owner. The addresses
// are where servers are reached in it; the zero values are those that the namespace
// has at the time when somebody connects.
func NewRelay(ns int, to4, to6 netip.Addr) (*Relay, error) {
	r, err := relay.Start(relay.Config{NS: ns, To4: to4, To6: to6})
	if err != nil {
		return nil, err
	}
	return &Relay{relay: r, ports: make(map[Port]int)}, nil
}

// Publish leads a port of the host's into the namespace. The listener is the
// relay's from then on.
func (r *Relay) Publish(l *Listener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fd := l.take()
	publish := r.relay.Connections
	if l.Protocol == "udp" {
		publish = r.relay.Datagrams
	}
	if publish(fd, l.ContainerPort) {
		r.ports[l.Port] = fd
	} else {
		unix.Close(fd)
	}
}

// Withdraw frees a port: nobody connects any more when it returns. Who is connected
// stays. Not ok: it is not published.
func (r *Relay) Withdraw(p Port) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fd, ok := r.ports[p]
	delete(r.ports, p)
	return ok && r.relay.Withdraw(fd)
}

// Close ends it: ports are free when it returns, and clients are told.
func (r *Relay) Close() { r.relay.Close() }
