package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Kinds of load over TCP, as the server does its part: it takes bytes until
// their end, gives bytes for a time, gives back what it got, answers one byte
// and hangs up, or only holds on.
const (
	tcpSink   = "sink"
	tcpSource = "source"
	tcpEcho   = "echo"
	tcpBrief  = "brief"
	tcpHold   = "hold"
)

// chunk is how much a program reads and writes at once, in bytes: iperf3's.
const chunk = 128 << 10

// patience is how long anything may wait for the other side.
const patience = 10 * time.Second

// The sockets block, and each has a thread of its own: the poller of the Go
// runtime would be measured, too.

// service is a server at work.
type service struct {
	port       uint16
	fd         int
	cpu        time.Duration
	bytes, ops atomic.Int64
	stopped    atomic.Bool
	all        sync.WaitGroup
}

func serve(o order) (*service, error) {
	s := &service{cpu: ownCPU()}
	if slices.Contains(udpKinds(), o.Kind) {
		return s, s.serveUDP(o)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	s.fd = fd
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(o.Port)})
	if err == nil {
		err = unix.Listen(fd, 1024)
	}
	if err == nil {
		s.port, err = localPort(fd)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot serve port %d: %w", o.Port, err)
	}
	for range max(o.Streams, 1) {
		s.all.Add(1)
		go s.accept(o.Kind)
	}
	return s, nil
}

func localPort(fd int) (uint16, error) {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return uint16(name.(*unix.SockaddrInet4).Port), nil
}

// accept serves one connection after the other.
func (s *service) accept(kind string) {
	runtime.LockOSThread()
	defer s.all.Done()
	b := make([]byte, chunk)
	var held []int
	for !s.stopped.Load() {
		fd, _, err := unix.Accept4(s.fd, unix.SOCK_CLOEXEC)
		if err == unix.EINTR || err == unix.ECONNABORTED {
			continue
		}
		if err != nil {
			break
		}
		limit(fd)
		if s.ops.Add(1); kind == tcpHold {
			held = append(held, fd)
			continue
		}
		s.exchange(kind, fd, b)
		unix.Close(fd)
	}
	for _, fd := range held {
		unix.Close(fd)
	}
}

// limit keeps a broken network from stopping everything.
func limit(fd int) {
	t := unix.NsecToTimeval(int64(patience))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &t)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

// exchange is the server's part of one connection.
func (s *service) exchange(kind string, fd int, b []byte) {
	switch kind {
	case tcpSink:
		for n, _ := take(fd, b); n > 0; n, _ = take(fd, b) {
			s.bytes.Add(int64(n))
		}
	case tcpSource:
		if n, _ := take(fd, b[:8]); n == 8 {
			s.bytes.Add(push(fd, b, time.Duration(binary.BigEndian.Uint64(b))))
		}
	case tcpEcho:
		for n, _ := take(fd, b); n > 0; n, _ = take(fd, b) {
			if !whole(fd, b[:n]) {
				return
			}
		}
	case tcpBrief:
		if n, _ := take(fd, b[:1]); n == 1 {
			whole(fd, b[:1])
		}
	}
}

// take reads once. A call with a time limit is interrupted by the signals of the
// Go runtime (signal(7)).
func take(fd int, b []byte) (int, error) {
	for {
		if n, err := unix.Read(fd, b); err != unix.EINTR {
			return n, err
		}
	}
}

// push writes for a time and returns how much.
func push(fd int, b []byte, d time.Duration) (sent int64) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		n, err := unix.Write(fd, b)
		if err != nil && err != unix.EINTR {
			return sent
		}
		sent += int64(max(n, 0))
	}
	return sent
}

func whole(fd int, b []byte) bool {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil && err != unix.EINTR {
			return false
		}
		b = b[max(n, 0):]
	}
	return true
}

// collect ends the service and says what it has done.
func (s *service) collect() answer {
	s.stopped.Store(true)
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // wakes who accepts
	s.all.Wait()
	unix.Close(s.fd)
	return answer{Bytes: s.bytes.Load(), Ops: s.ops.Load(), CPU: ownCPU() - s.cpu}
}

// caller is a client's part in a load.
type caller struct {
	bytes, ops int64
	times      []time.Duration
	err        error
}

// loadTCP calls a server by so many streams at once.
func loadTCP(o order) (answer, error) {
	to, err := netip.ParseAddrPort(o.To)
	if err != nil {
		return answer{}, err
	}
	callers := make([]caller, max(o.Streams, 1))
	var all sync.WaitGroup
	start := time.Now()
	for i := range callers {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			callers[i].err = callers[i].call(o, to)
		}()
	}
	all.Wait()
	a := answer{Took: time.Since(start)}
	var times []time.Duration
	for _, c := range callers {
		if c.err != nil {
			return a, c.err
		}
		a.Bytes, a.Ops, times = a.Bytes+c.bytes, a.Ops+c.ops, append(times, c.times...)
	}
	if slices.Sort(times); len(times) > 0 {
		a.Median = times[len(times)/2]
	}
	return a, nil
}

func dialTCP(to netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("cannot connect to %s: %w", to, err)
	}
	limit(fd) // not before: that would be interrupted
	return fd, nil
}

// call is one stream.
func (c *caller) call(o order, to netip.AddrPort) error {
	if o.Kind == tcpBrief {
		return c.brief(o.For, to)
	}
	fd, err := dialTCP(to)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	b := make([]byte, chunk)
	switch o.Kind {
	case tcpSink:
		c.bytes = push(fd, b, o.For)
		_ = unix.Shutdown(fd, unix.SHUT_WR)
		if n, err := take(fd, b); n != 0 || err != nil { // until it has arrived
			return fmt.Errorf("the end did not arrive: %d, %w", n, err)
		}
	case tcpSource:
		binary.BigEndian.PutUint64(b, uint64(o.For))
		if !whole(fd, b[:8]) {
			return fmt.Errorf("cannot ask: the connection is broken")
		}
		for {
			n, err := take(fd, b)
			if n == 0 || err != nil {
				return err
			}
			c.bytes += int64(n)
		}
	case tcpEcho:
		return c.echo(o.For, fd, b[:128])
	}
	return nil
}

func (c *caller) echo(d time.Duration, fd int, b []byte) error {
	for end := time.Now().Add(d); ; c.ops++ {
		start := time.Now()
		if start.After(end) {
			return nil
		}
		if !whole(fd, b) {
			return fmt.Errorf("cannot ask: the connection is broken")
		}
		for got := 0; got < len(b); {
			n, err := take(fd, b[got:])
			if n <= 0 {
				return fmt.Errorf("no answer: %d, %w", n, err)
			}
			got += n
		}
		c.times = append(c.times, time.Since(start))
	}
}

// brief makes one connection after the other.
func (c *caller) brief(d time.Duration, to netip.AddrPort) error {
	var b [2]byte
	for end := time.Now().Add(d); time.Now().Before(end); c.ops++ {
		fd, err := dialTCP(to)
		if err != nil {
			return err
		}
		got := 0
		if whole(fd, b[:1]) {
			for n := 1; n > 0; got += n { // the answer, and the end
				n, err = take(fd, b[:])
				n = max(n, 0)
			}
		}
		unix.Close(fd)
		if got != 1 || err != nil {
			return fmt.Errorf("an answer of %d bytes: %w", got, err)
		}
	}
	return nil
}
