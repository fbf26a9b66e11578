package slirp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/dns"
	"coracle/slirp/stack"
)

// dialer is a resolver whose stack has nobody at its other end, but runs.
func dialer(t *testing.T, conf string) (*resolver, netip.AddrPort) {
	t.Helper()
	r, _ := withHooks(t, Defaults())
	r.servers.path = conf
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[1]) })
	r.stack, err = stack.New(stack.Config{Link: pair[0], Network: stack.Network{MTU: 1500, Gateway4: r.plan.Gateway4}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		err := r.stack.Run()
		r.close()
		done <- err
	}()
	t.Cleanup(func() {
		r.stack.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r, netip.AddrPortFrom(r.plan.DNS[0], dnsPort)
}

// call is a connection to the resolver, nil when it was refused.
func call(t *testing.T, r *resolver, to netip.AddrPort) net.Conn {
	t.Helper()
	got := make(chan int)
	r.stack.Do(func() {
		fd, taken := r.dial(to)
		if !taken {
			t.Error("the connection went on its way")
		}
		got <- fd
	})
	fd := <-got
	if fd < 0 {
		return nil
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

func send(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn) dns.Answer {
	t.Helper()
	var size [2]byte
	var a dns.Answer
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	if err := dns.ParseAnswer(b, &a); err != nil {
		t.Fatalf("%v: %x", err, b)
	}
	return a
}

func TestConnections(t *testing.T) {
	r, to := dialer(t, "/nowhere")
	c := call(t, r, to)
	// Many at once, in pieces of one byte, are answered in turn.
	var all []byte
	for i := range 50 {
		q := asks(uint16(i), "db", dns.A)
		all = append(append(binary.BigEndian.AppendUint16(all, uint16(len(q))), q...), 0)
		all = all[:len(all)-1]
	}
	for _, b := range all[:60] {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.Copy(c, bytes.NewReader(all[60:])); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if a := receive(t, c); a.ID != uint16(i) || len(a.Addrs) != 2 {
			t.Errorf("%d: %+v", i, a)
		}
	}
	// What cannot be read is answered, and what is no question ends it.
	send(t, c, append(asks(7, "db", dns.A)[:14], 99))
	if a := receive(t, c); a.Code != dns.FormatError {
		t.Errorf("%+v", a)
	}
	for what, b := range map[string][]byte{"nothing": {0, 0}, "too long": {0xff, 0xff, 1}, "an answer": append([]byte{0, 13}, asks(1, "a", dns.A)[:2]...), "half": {0}} {
		c := call(t, r, to)
		if what == "an answer" {
			b = append(b, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
		}
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if what == "half" {
			_ = c.(*net.UnixConn).CloseWrite()
		}
		if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	// There are only so many.
	var open []net.Conn
	for range mostCallers + 5 {
		if c := call(t, r, to); c != nil {
			open = append(open, c)
		}
	}
	if len(open) != mostCallers-1 {
		t.Errorf("%d connections more", len(open))
	}
	for _, c := range open {
		c.Close()
	}
	for call(t, r, to) == nil { // as soon as the thread has seen the ends
		time.Sleep(time.Millisecond)
	}
}
