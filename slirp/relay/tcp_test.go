package relay

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What one says the other hears, also after one of them has said its last word.
func TestHalfClose(t *testing.T) {
	if !again(t) {
		return
	}
	n := newInner(t)
	l := n.listen("0.0.0.0:80")
	_, port, _ := n.relayTo(Config{})
	for name, address := range map[string]string{"v4": "127.0.0.1", "v6, and nobody listens there": "::1"} {
		client := dialTest(t, address, port)
		_, _ = io.WriteString(client, "question\n")
		server := acceptTest(t, l)
		if s := line(t, server); s != "question\n" {
			t.Errorf("%s: %q", name, s)
		}
		if from := AddrOf(server.RemoteAddr()); from != inner4 {
			t.Errorf("%s: the server sees %s", name, from)
		}
		_ = client.CloseWrite()
		if _, err := server.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: the client's end: %v", name, err)
		}
		_, _ = io.WriteString(server, "answer\n")
		if s := line(t, client); s != "answer\n" {
			t.Errorf("%s: %q", name, s)
		}
		server.Close()
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: the server's end: %v", name, err)
		}
	}
	// And the other one first.
	client, server := dialTest(t, "127.0.0.1", port), acceptTest(t, l)
	_ = server.CloseWrite()
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	_, _ = io.WriteString(client, "more\n")
	if s := line(t, server); s != "more\n" {
		t.Errorf("%q", s)
	}
}

// AddrOf is the address of a network address.
func AddrOf(a net.Addr) netip.Addr { return netip.MustParseAddrPort(a.String()).Addr().Unmap() }

// Nothing is lost or changed, though both write before they read.
func TestBothWays(t *testing.T) {
	if !again(t) {
		return
	}
	n := newInner(t)
	l := n.listen("[::]:80")
	r, port, _ := n.relayTo(Config{To4: inner4, To6: inner6})
	client, server := dialTest(t, "::1", port), acceptTest(t, l)
	if from := AddrOf(server.RemoteAddr()); from != inner6 {
		t.Errorf("the server sees %s", from)
	}
	const size = 24 << 20
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	// The buffers of the kernel and the relay's take less than all.
	filled := make(chan struct{})
	go func() {
		_, _ = client.Write(data)
		_ = client.CloseWrite()
	}()
	go func() {
		defer close(filled)
		_, _ = server.Write(data)
		_ = server.CloseWrite()
	}()
	for held := 0; held == 0; time.Sleep(time.Millisecond) {
		done := make(chan struct{})
		r.do(func() { held = r.held; close(done) })
		<-done
	}
	for name, c := range map[string]*net.TCPConn{"client": client, "server": server} {
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if name == "client" {
			<-filled
		}
	}
	done := make(chan struct{})
	r.do(func() {
		if r.held != 0 {
			t.Errorf("%d bytes are held", r.held)
		}
		close(done)
	})
	<-done
}

func reset(c *net.TCPConn) { _ = c.SetLinger(0); c.Close() }

func TestReset(t *testing.T) {
	if !again(t) {
		return
	}
	n := newInner(t)
	l := n.listen("10.9.9.1:80")
	_, port, _ := n.relayTo(Config{})
	b := make([]byte, 1)

	client, server := dialTest(t, "127.0.0.1", port), acceptTest(t, l)
	reset(client)
	if _, err := server.Read(b); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the client's: %v", err)
	}
	client, server = dialTest(t, "127.0.0.1", port), acceptTest(t, l)
	reset(server)
	if _, err := client.Read(b); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the server's: %v", err)
	}
	// What a server says before it refuses to hear more is not lost.
	client, server = dialTest(t, "127.0.0.1", port), acceptTest(t, l)
	if _, err := client.Write(make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	_, _ = io.WriteString(server, "413 too much\n")
	server.Close() // with bytes that it has not read: a RST, RFC 1122, 4.2.2.13
	if s := line(t, client); s != "413 too much\n" {
		t.Errorf("%q", s)
	}
	if _, err := client.Read(b); err == nil {
		t.Error("it goes on")
	}
	l.Close()
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err == nil { // else it was reset already
		defer c.Close()
		_, err = c.Read(b)
	}
	if !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("nobody listens: %v", err)
	}
}

// A port that is withdrawn is free, and who is connected stays; when the relay ends,
// nobody does and nothing is left.
func TestWithdraw(t *testing.T) {
	if !again(t) {
		return
	}
	before := descriptors(t)
	n := newInner(t)
	l := n.listen("10.9.9.1:80")
	r, port, fd := n.relayTo(Config{})
	client, server := dialTest(t, "127.0.0.1", port), acceptTest(t, l)
	if !r.Withdraw(fd) {
		t.Error("not withdrawn")
	}
	if c, err := net.Dial("tcp", "127.0.0.1:"+port); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("%v, %v", c, err)
	}
	_, _ = io.WriteString(client, "still here\n")
	if s := line(t, server); s != "still here\n" {
		t.Errorf("%q", s)
	}
	r.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the relay has ended: %v", err)
	}
	if r.Withdraw(fd) || r.Connections(-1, 80) || r.Datagrams(-1, 80) {
		t.Error("done by nobody")
	}
	r.Close()
	client.Close()
	server.Close()
	l.Close()
	if now := descriptors(t); now != before+1 { // the namespace's
		t.Errorf("%d descriptors, %d before", now, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range list {
		switch target, _ := os.Readlink("/proc/self/fd/" + e.Name()); target {
		case "anon_inode:[eventpoll]", "anon_inode:[eventfd]": // Go's own, too
		default:
			n++
		}
	}
	return n
}

func TestStartFails(t *testing.T) {
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before := descriptors(t)
	if _, err := Start(Config{NS: int(f.Fd())}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("%v", err)
	}
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}
