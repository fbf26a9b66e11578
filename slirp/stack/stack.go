package stack

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// Network is what the stack is to the container.
type Network struct {
	// MTU of the link, in bytes: that of the device.
	MTU int
	// Gateway4 and Gateway6 answer to ping; where they lead to otherwise is for
	// Route to say. The zero address: the family is not served.
	Gateway4, Gateway6 netip.Addr
}

// Verdict is what becomes of a packet to a new destination.
type Verdict uint8

const (
	// Allow passes it on.
	Allow Verdict = iota
	// Refuse answers as a machine on which nobody listens.
	Refuse
	// Prohibit answers that the way is closed by an administrator (RFC 1812, 5.2.7.1).
	Prohibit
	// Drop answers nothing.
	Drop
)

// Router decides where something goes that the container sends to a destination:
// to itself, or to another place that stands for it. It is called once for a
// connection, and once for each datagram: it must be quick.
type Router func(protocol uint8, to netip.AddrPort) (netip.AddrPort, Verdict)

// Config configures a stack. The descriptor is its own from then on.
type Config struct {
	// Link is a TUN device with IFF_NO_PI and IFF_VNET_HDR, or a socket of type
	// SOCK_DGRAM or SOCK_SEQPACKET that carries the same packets. It must not block.
	Link int
	Network
	Route Router
	// Local serves port 53 of some addresses.
	Local Local
	// UDPSegments tells that the link takes UDP packets that stand for several
	// (TUN_F_USO4 and TUN_F_USO6, Linux 6.2).
	UDPSegments bool
}

// Bounds of what one container can take up.
const (
	mostConns    = 1 << 15
	mostOpening  = 1 << 10 // connections that are being made
	mostTimeWait = 1 << 12
	mostBlocks   = 2048 // 64 MiB
)

// source is something in the epoll set.
type source interface{ ready(events uint32) }

// Stack is one container's. Its methods may be called by any goroutine, but for
// Run's.
type Stack struct {
	Config
	poll    int
	wake    int
	sources []source
	gens    []int32
	empty   []int32 // places in sources

	start  time.Time
	now    time.Duration
	clock  func() time.Duration // for tests
	timers timers
	probe  time.Duration // probeAfter
	pool   pool
	seed   maphash.Seed
	ipID   uint16

	link  link
	conns map[flow]*conn
	opens int
	waits []*conn // in TIME-WAIT, oldest first
	pumps queue   // connections with something to do
	acks  []*conn // connections that owe an acknowledgment
	// starved are connections that wait for a block.
	starved []*conn
	udp     udpTable
	pings   pingTable
	frags   fragments

	mu    sync.Mutex
	tasks []func()
	ended bool
	over  bool // wake is closed
}

// New makes a stack. Errors: those of epoll_create(2) and eventfd(2).
func New(c Config) (*Stack, error) {
	s := &Stack{Config: c, start: time.Now(), probe: probeAfter, conns: make(map[flow]*conn), pool: pool{most: mostBlocks}, seed: maphash.MakeSeed()}
	s.clock = func() time.Duration { return time.Since(s.start) + 1 } // 0 is never
	var id [2]byte
	_, _ = rand.Read(id[:])
	s.ipID = binary.NativeEndian.Uint16(id[:])
	var err error
	if s.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("cannot make an epoll set: %w", err)
	}
	if s.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(s.poll)
		return nil, fmt.Errorf("cannot make an eventfd: %w", err)
	}
	s.link.init(s)
	s.udp.init(s)
	s.pings.init(s)
	s.frags.init(s)
	if _, err = s.watch(s.wake, waker{s}, unix.EPOLLIN); err == nil {
		_, err = s.watch(c.Link, &s.link, unix.EPOLLIN)
	}
	if err != nil {
		unix.Close(s.poll)
		unix.Close(s.wake)
		return nil, err
	}
	return s, nil
}

// ErrLink says that the device is gone.
var ErrLink = errors.New("the link to the container is gone")

// Run serves until [Stack.Close] is called or the device goes, on a thread of its
// own. It closes everything.
func (s *Stack) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		if err := s.step(s.wait()); err != nil {
			s.end()
			if errors.Is(err, errEnd) {
				return nil
			}
			return err
		}
	}
}

// Close ends Run.
func (s *Stack) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.call()
}

// Do has Run's thread call f. Not ok: Run has ended.
func (s *Stack) Do(f func()) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.tasks = append(s.tasks, f)
	s.call()
	return true
}

// call wakes the thread, by a descriptor that may be another's once it is closed.
func (s *Stack) call() {
	if !s.over {
		_, _ = unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

var errEnd = errors.New("asked to end")

// wait is how long to sleep, in milliseconds.
func (s *Stack) wait() int {
	if s.pumps.first != nil || s.fed() {
		return 0
	}
	next := s.timers.next(s.now)
	if next < 0 {
		return -1
	}
	return int((next + time.Millisecond - 1) / time.Millisecond)
}

// fed tells that there is a block for those who found none. Each of them leaves the
// list with its next turn, and comes back only when all are taken again.
func (s *Stack) fed() bool { return len(s.starved) > 0 && s.pool.used < s.pool.most }

// step handles what is there, after waiting for at most so many milliseconds.
func (s *Stack) step(wait int) error {
	var events [128]unix.EpollEvent
	n, err := unix.EpollWait(s.poll, events[:], wait)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("cannot wait for events: %w", err)
	}
	s.now = s.clock()
	for i := range max(n, 0) {
		e := &events[i]
		// It may have been closed by what was handled just now.
		if s.gens[e.Fd] == e.Pad && s.sources[e.Fd] != nil {
			s.sources[e.Fd].ready(e.Events)
		}
	}
	s.timers.run(s.now)
	if s.fed() {
		for i, c := range s.starved {
			c.starving, s.starved[i] = false, nil
			c.kick()
		}
		s.starved = s.starved[:0]
	}
	s.pumps.run()
	s.flush()
	if s.link.gone {
		return ErrLink
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return errEnd
	}
	return nil
}

// flush sends the acknowledgments that a burst of packets has earned.
func (s *Stack) flush() {
	for i, c := range s.acks {
		if c.owes {
			c.acknowledge()
		}
		s.acks[i] = nil
	}
	s.acks = s.acks[:0]
	s.udp.batch.flush()
}

// watch puts a descriptor into the epoll set and returns its place.
func (s *Stack) watch(fd int, src source, events uint32) (place int, err error) {
	if n := len(s.empty); n > 0 {
		place = int(s.empty[n-1])
		s.empty = s.empty[:n-1]
	} else {
		place = len(s.sources)
		s.sources, s.gens = append(s.sources, nil), append(s.gens, 0)
	}
	s.sources[place] = src
	err = unix.EpollCtl(s.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(place), Pad: s.gens[place]})
	if err != nil {
		s.forget(place)
		return -1, fmt.Errorf("cannot watch descriptor %d: %w", fd, err)
	}
	return place, nil
}

// forget frees a place. The descriptor leaves the set when it is closed.
func (s *Stack) forget(place int) {
	s.sources[place] = nil
	s.gens[place]++
	s.empty = append(s.empty, int32(place))
}

// Watch has Run's thread call f when something can be read from a descriptor. It
// is for before Run, or to be called by [Stack.Do].
func (s *Stack) Watch(fd int, f func()) error {
	_, err := s.watch(fd, watched{fd, f}, unix.EPOLLIN)
	return err
}

type watched struct {
	fd     int
	called func()
}

func (w watched) ready(uint32) { w.called() }

type waker struct{ *Stack }

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

// end closes everything: peers of connections that were not finished are told so.
func (s *Stack) end() {
	s.mu.Lock()
	s.over = true
	tasks := s.tasks
	s.tasks = nil
	s.mu.Unlock()
	for _, f := range tasks {
		f()
	}
	for _, c := range s.conns {
		c.abandon()
	}
	s.udp.end()
	s.pings.end()
	unix.Close(s.Link)
	unix.Close(s.poll)
	unix.Close(s.wake)
}

// serves tells whether the family of an address is.
func (s *Stack) serves(a *packet.Addr) bool {
	if a.Is4() {
		return s.Gateway4.IsValid()
	}
	return s.Gateway6.IsValid()
}

// gateway is the stack's own address of the family of a.
func (s *Stack) gateway(a *packet.Addr) packet.Addr {
	if a.Is4() {
		return packet.From(s.Gateway4)
	}
	return packet.From(s.Gateway6)
}
