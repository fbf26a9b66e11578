package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Kinds of load over UDP: datagrams of datagramSize to the server, or from it.
const (
	udpSink   = "datagrams"
	udpSource = "datagrams back"
	// datagramSize is in bytes: what fits on every link, and one a system call, as
	// most programs send them.
	datagramSize = 1400
	// quiet is how long nothing comes when all has come.
	quiet = 100 * time.Millisecond
)

func udpKinds() []string { return []string{udpSink, udpSource} }

func udpSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	t := unix.NsecToTimeval(int64(quiet))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	return fd, nil
}

func (s *service) serveUDP(o order) error {
	fd, err := udpSocket()
	if err != nil {
		return err
	}
	s.fd = fd
	if err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(o.Port)}); err == nil {
		s.port, err = localPort(fd)
	}
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("cannot serve port %d: %w", o.Port, err)
	}
	s.all.Add(1)
	go func() {
		defer s.all.Done()
		runtime.LockOSThread()
		s.datagrams(o.Kind)
	}()
	return nil
}

// datagrams takes them, or gives as many as it can to who asks for them.
func (s *service) datagrams(kind string) {
	b := make([]byte, datagramSize)
	for !s.stopped.Load() {
		if kind == udpSink {
			if n, err := unix.Read(s.fd, b); err == nil && n > 0 { // 0: collect has shut it down
				s.bytes.Add(int64(n))
				s.ops.Add(1)
			}
			continue
		}
		n, from, err := unix.Recvfrom(s.fd, b, 0)
		if err != nil || n != 8 || unix.Connect(s.fd, from) != nil {
			continue
		}
		s.ops.Add(flood(s.fd, b, time.Duration(binary.BigEndian.Uint64(b))))
	}
}

// flood sends datagrams for a time. What there is no room for is not counted.
func flood(fd int, b []byte, d time.Duration) (sent int64) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for range 16 { // the clock is asked less often than the socket
			if _, err := unix.Write(fd, b); err == nil {
				sent++
			}
		}
	}
	return sent
}

// loadUDP sends datagrams, or asks for them and counts those that come.
func loadUDP(o order) (answer, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	to, err := netip.ParseAddrPort(o.To)
	if err != nil {
		return answer{}, err
	}
	fd, err := udpSocket()
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		return answer{}, err
	}
	b := make([]byte, datagramSize)
	start := time.Now()
	if o.Kind == udpSink {
		a := answer{Ops: flood(fd, b, o.For), Took: time.Since(start)}
		time.Sleep(quiet)
		return a, nil
	}
	binary.BigEndian.PutUint64(b, uint64(o.For))
	if _, err := unix.Write(fd, b[:8]); err != nil {
		return answer{}, err
	}
	a := answer{Took: o.For}
	for {
		n, err := unix.Read(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return a, nil // it is quiet
		}
		a.Ops++
		a.Bytes += int64(n)
	}
}
