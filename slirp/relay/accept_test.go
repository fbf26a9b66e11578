package relay

import (
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Without a descriptor to spare clients are told so, and do not wait.
func TestAcceptor(t *testing.T) {
	if !again(t) {
		return
	}
	ip(t, "link set lo up")
	listener, port := socket(t, unix.SOCK_STREAM)
	defer unix.Close(listener)
	var a Acceptor
	if _, _, ok := a.Accept(listener); ok {
		t.Error("nobody was there")
	}
	to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	var clients [3]*net.TCPConn
	for i := range clients {
		var err error
		if clients[i], err = net.DialTCP("tcp", nil, to); err != nil {
			t.Fatal(err)
		}
		defer clients[i].Close()
	}
	fd, from, ok := a.Accept(listener)
	if !ok || from.String() != clients[0].LocalAddr().String() {
		t.Errorf("%v, %v", from, ok)
	}
	defer unix.Close(fd)
	a.Open() // the lowest number that is free
	defer a.Close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = uint64(a.spare) + 1
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	_, _, ok = a.Accept(listener)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if ok || a.spare <= 0 {
		t.Errorf("taken: %v, the spare one is %d", ok, a.spare)
	}
	for i, c := range clients[1:] {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("client %d: %v", i+1, err)
		}
	}
}

// TestAcceptorAgain: when no descriptor could be reserved, one is as soon as it can.
func TestAcceptorAgain(t *testing.T) {
	if !again(t) {
		return
	}
	ip(t, "link set lo up")
	listener, port := socket(t, unix.SOCK_STREAM)
	defer unix.Close(listener)
	dial := func() *net.TCPConn {
		c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	var a Acceptor
	defer a.Close()
	dial()
	fd, _, ok := a.Accept(listener)
	if !ok || a.spare <= 0 {
		t.Errorf("taken: %v, the spare one is %d", ok, a.spare)
	}
	unix.Close(fd)
	a.Close()
	c := dial()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if ok := a.turnAway(listener); !ok || a.spare <= 0 {
		t.Errorf("turned away: %v, the spare one is %d", ok, a.spare)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Error(err)
	}
}
