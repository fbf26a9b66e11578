package relay

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Config says where connections go.
type Config struct {
	// NS is the network namespace of the servers, as a file of /proc/PID/ns. It is
	// the caller's, who needs CAP_SYS_ADMIN in its owner.
	NS int
	// To4 and To6 are where servers are reached in it. The zero value is the address
	// that the namespace itself has as a sender, at the time of each connection.
	To4, To6 netip.Addr
}

// Relay is the relay into one namespace.
type Relay struct {
	Config
	poll, wake int
	accept     Acceptor
	sources    map[uint64]source
	serial     uint64
	pairs      map[*pair]bool
	turns      []*pair // with something to do
	flows      flows
	held       int // bytes that somebody has not taken yet
	now        time.Time
	buf        []byte

	mu    sync.Mutex
	tasks []func()
	ended bool
	over  bool // wake is closed
	done  chan struct{}
}

// source is something in the epoll set.
type source interface {
	ready(events uint32)
	close()
}

// bufSize is how much is read at once, in bytes.
const bufSize = 128 << 10

// Start joins the namespace, and begins to serve in a thread of its own.
func Start(c Config) (*Relay, error) {
	r := &Relay{
		Config: c, sources: make(map[uint64]source), pairs: make(map[*pair]bool), done: make(chan struct{}), buf: make([]byte, bufSize),
	}
	r.flows.init()
	var err error
	if r.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("cannot make an epoll set: %w", err)
	}
	if r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(r.poll)
		return nil, fmt.Errorf("cannot make an eventfd: %w", err)
	}
	r.accept.Open()
	joined := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: it ends in the namespace
		err := unix.Setns(c.NS, unix.CLONE_NEWNET)
		if err != nil {
			err = fmt.Errorf("cannot enter the container's network namespace: %w", err)
		} else {
			_, err = r.watch(r.wake, waker{r}, unix.EPOLLIN)
		}
		joined <- err
		if err == nil {
			r.run()
		}
		r.end()
		close(r.done)
	}()
	if err := <-joined; err != nil {
		<-r.done
		return nil, err
	}
	return r, nil
}

// Close ends the relay: ports are free, clients are told.
func (r *Relay) Close() {
	r.mu.Lock()
	r.ended = true
	r.call()
	r.mu.Unlock()
	<-r.done
}

// do has the thread call f. Not ok: it has ended.
func (r *Relay) do(f func()) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	r.tasks = append(r.tasks, f)
	r.call()
	return true
}

// call wakes the thread, by a descriptor that may be another's once it is closed.
func (r *Relay) call() {
	if !r.over {
		_, _ = unix.Write(r.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// run serves until it is asked to end.
func (r *Relay) run() {
	var events [128]unix.EpollEvent
	for {
		wait := -1
		switch {
		case len(r.turns) > 0:
			wait = 0
		case r.flows.any():
			wait = int(flowSweep / time.Millisecond)
		}
		n, err := unix.EpollWait(r.poll, events[:], wait)
		if err != nil && err != unix.EINTR {
			return
		}
		r.now = time.Now()
		for _, e := range events[:max(n, 0)] {
			// It may have been closed by what was handled just now.
			if s := r.sources[uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32]; s != nil {
				s.ready(e.Events)
			}
		}
		turns := r.turns
		r.turns = nil
		for _, p := range turns {
			p.turn()
		}
		r.flows.sweep(r.now)
		r.mu.Lock()
		ended := r.ended
		r.mu.Unlock()
		if ended {
			return
		}
	}
}

// end closes everything.
func (r *Relay) end() {
	r.mu.Lock()
	r.over = true
	tasks := r.tasks
	r.tasks = nil
	r.mu.Unlock()
	for _, f := range tasks {
		f() // what they publish is closed below
	}
	for _, s := range r.sources {
		s.close()
	}
	r.accept.Close()
	unix.Close(r.poll)
	unix.Close(r.wake)
}

// watch puts a descriptor into the epoll set. It leaves it when it is closed; the
// number that is returned is never used again.
func (r *Relay) watch(fd int, s source, events uint32) (uint64, error) {
	r.serial++
	id := r.serial
	if err := unix.EpollCtl(r.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(uint32(id)), Pad: int32(id >> 32)}); err != nil {
		return 0, fmt.Errorf("cannot watch descriptor %d: %w", fd, err)
	}
	r.sources[id] = s
	return id, nil
}

type waker struct{ *Relay }

func (waker) close() {}

func (w waker) ready(uint32) {
	var b [8]byte
	_, _ = unix.Read(w.wake, b[:])
	w.mu.Lock()
	tasks := w.tasks
	w.tasks = nil
	w.mu.Unlock()
	for _, f := range tasks {
		f()
	}
}
