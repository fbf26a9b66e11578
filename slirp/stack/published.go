package stack

import (
	"math/rand/v2"
	"slices"

	"golang.org/x/sys/unix"
)

// unused is a flow like f that is not used: several clients may be seen by the same
// address, and have chosen the same port.
func (s *Stack) unused(f flow) flow {
	const tries = 32
	for range tries {
		if c := s.conns[f]; c == nil || c.state == waiting {
			break
		}
		f.peerPort = anyPort()
	}
	return f
}

// anyPort is one of those that clients have.
func anyPort() uint16 {
	const first = 32768
	return first + uint16(rand.N(65536-first))
}

// refuse is for a connection to the container that the container refuses.
func (c *conn) refuse() {
	if c.refused == nil {
		c.abort()
		return
	}
	fd := c.fd
	_ = unix.EpollCtl(c.s.poll, unix.EPOLL_CTL_DEL, fd, nil)
	c.s.forget(c.place)
	c.fd, c.place = -1, -1
	c.remove()
	c.refused(fd)
}

// Unwatch ends [Stack.Watch]. It must be called by [Stack.Do], before the
// descriptor is closed.
func (s *Stack) Unwatch(fd int) {
	for place, src := range s.sources {
		if w, ok := src.(watched); ok && w.fd == fd {
			_ = unix.EpollCtl(s.poll, unix.EPOLL_CTL_DEL, fd, nil)
			s.forget(place)
			return
		}
	}
}

// WithdrawDatagrams closes a socket of [Stack.PublishDatagrams]. It must be called
// by [Stack.Do].
func (s *Stack) WithdrawDatagrams(fd int) {
	t := &s.udp
	i := slices.IndexFunc(t.servers, func(v *server) bool { return v.fd == fd })
	if i < 0 {
		return
	}
	v := t.servers[i]
	t.servers = slices.Delete(t.servers, i, i+1)
	for _, f := range v.to {
		if f != nil {
			f.remove()
			f.clients.forget(f)
			t.restore(f.key)
		}
	}
	s.forget(v.place)
	unix.Close(fd)
}

// restore has another server stand for a port of the container's when the one that
// did is gone.
func (t *udpTable) restore(key flowKey) {
	for _, v := range t.servers {
		for _, f := range v.to {
			if f != nil && f.key == key && t.all[key] == nil {
				t.all[key] = f
			}
		}
	}
}
