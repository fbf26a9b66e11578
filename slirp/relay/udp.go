package relay

import (
	"bytes"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of datagram flows. RFC 4787, REQ-5 has at least two minutes.
const (
	mostFlows = 1024
	flowLife  = 3 * time.Minute
	flowSweep = 30 * time.Second
)

// datagrams is a UDP port.
type datagrams struct {
	r    *Relay
	fd   int
	port uint16
}

// Datagrams leads the datagrams that a bound socket receives to a port of the
// other namespace, and answers back. The socket is the relay's from then on; it
// must not block. Not ok: the relay has ended.
func (r *Relay) Datagrams(fd int, port uint16) (ok bool) {
	return r.do(func() { r.publish(fd, &datagrams{r, fd, port}) })
}

func (u *datagrams) close() {
	for f := range u.r.flows.of(u.fd) {
		f.remove()
	}
	unix.Close(u.fd)
}

func (u *datagrams) ready(uint32) {
	for range atOnce * 8 {
		n, from, err := unix.Recvfrom(u.fd, u.r.buf, 0)
		if err == unix.ECONNREFUSED || err == unix.EINTR {
			continue // of a client that is gone
		}
		if err != nil {
			return
		}
		if f := u.flow(from); f != nil {
			f.deliver(u.r.buf[:n])
		}
	}
}

// flow is one client of one port: a socket that is connected with the server.
type flow struct {
	r          *Relay
	key        flowKey
	client     unix.Sockaddr
	fd         int
	id         uint64
	to         []netip.AddrPort // where else to try
	tried      []byte           // what has been sent to where nobody may be
	last       time.Time
	prev, next *flow // by last use
}

type flowKey struct {
	listener int
	client   netip.AddrPort
}

// flow finds that of a client, or makes it.
func (u *datagrams) flow(client unix.Sockaddr) *flow {
	key := flowKey{u.fd, AddrPort(client)}
	t := &u.r.flows
	if f := t.all[key]; f != nil {
		t.use(f, u.r.now)
		return f
	}
	if len(t.all) >= mostFlows {
		t.list.next.remove()
	}
	f := &flow{r: u.r, key: key, client: client, fd: -1, to: u.r.targets(key.client.Addr(), u.port)}
	if !f.connect() {
		return nil
	}
	t.all[key] = f
	t.use(f, u.r.now)
	return f
}

// connect takes the next address at which there may be a server. Without another
// it stays with the last.
func (f *flow) connect() bool {
	for len(f.to) > 0 {
		to := f.to[0]
		f.to = f.to[1:]
		fd, _, err := dial(to, unix.SOCK_DGRAM)
		if err != nil {
			continue
		}
		id, err := f.r.watch(fd, f, unix.EPOLLIN)
		if err != nil {
			unix.Close(fd)
			continue
		}
		f.disconnect()
		f.fd, f.id = fd, id
		return true
	}
	return false
}

func (f *flow) disconnect() {
	if f.fd >= 0 {
		delete(f.r.sources, f.id)
		unix.Close(f.fd)
		f.fd = -1
	}
}

// deliver passes one on. That nobody received the one before may be told now.
func (f *flow) deliver(b []byte) {
	if len(f.to) > 0 {
		f.tried = bytes.Clone(b)
	}
	if unix.Send(f.fd, b, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT) == unix.ECONNREFUSED && !f.refused() {
		_ = unix.Send(f.fd, b, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	}
}

// refused goes on at another address, if there is one.
func (f *flow) refused() (went bool) {
	if len(f.to) == 0 || !f.connect() {
		return false // a server may come
	}
	_ = unix.Send(f.fd, f.tried, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	return true
}

// ready passes answers back to the client.
func (f *flow) ready(uint32) {
	for range atOnce * 8 {
		n, _, err := unix.Recvfrom(f.fd, f.r.buf, 0)
		switch err {
		case nil:
			f.r.flows.use(f, f.r.now)
			f.to, f.tried = nil, nil // somebody is there
			_ = unix.Sendto(f.key.listener, f.r.buf[:n], unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, f.client)
		case unix.ECONNREFUSED:
			if f.refused() {
				return
			}
		case unix.EINTR:
		default:
			return
		}
	}
}

func (f *flow) close() { f.remove() }

func (f *flow) remove() {
	f.disconnect()
	f.prev.next, f.next.prev = f.next, f.prev
	delete(f.r.flows.all, f.key)
}
