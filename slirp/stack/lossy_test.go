package stack

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bad stands between the device and the stack and loses, repeats and exchanges
// packets.
type bad struct {
	t      *testing.T
	random *rand.Rand
	loss   float64
}

// relay copies packets one way.
func (b *bad) relay(from, to int) {
	var held []byte
	buf := make([]byte, maxPacket)
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(from), Events: unix.POLLIN}}, 20); err != nil && err != unix.EINTR {
			return
		}
		n, err := unix.Read(from, buf)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			if held != nil {
				_, _ = unix.Write(to, held)
				held = nil
			}
			continue
		case err != nil || n == 0:
			return
		}
		switch x := b.random.Float64(); {
		case x < b.loss:
		case x < 2*b.loss:
			_, _ = unix.Write(to, buf[:n])
			_, _ = unix.Write(to, buf[:n])
		case x < 3*b.loss && held == nil:
			held = bytes.Clone(buf[:n])
		default:
			_, _ = unix.Write(to, buf[:n])
			if held != nil {
				_, _ = unix.Write(to, held)
				held = nil
			}
		}
	}
}

// TestBadLink moves bytes over a link that loses a hundredth of the packets,
// repeats as many and exchanges as many.
func TestBadLink(t *testing.T) {
	g := newGuestOn(t, 1500, func(device int) (link int) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		go (&bad{t, rand.New(rand.NewPCG(1, 1)), 0.01}).relay(device, pair[1])
		go (&bad{t, rand.New(rand.NewPCG(2, 2)), 0.01}).relay(pair[1], device)
		return pair[0]
	})
	g.transfers(20 << 20)
}

// TestTransfers moves bytes both ways over both families: so many as the variable
// says, which make transfer sets.
func TestTransfers(t *testing.T) {
	n := int64(200 << 20)
	if s := os.Getenv("CORACLE_TRANSFER"); s != "" {
		var err error
		if n, err = strconv.ParseInt(s, 10, 64); err != nil {
			t.Fatalf("CORACLE_TRANSFER: %v", err)
		}
	}
	newGuest(t, 1500).transfers(n)
	newGuest(t, 65520).transfers(n / 4)
}

// transfers has curl send and fetch n bytes, and compares what arrived.
func (g *guest) transfers(n int64) {
	g.t.Helper()
	if _, err := exec.LookPath("socat"); err != nil {
		g.t.Skip("program socat: moves bytes")
	}
	for network, peer := range map[string]string{"tcp4": "TCP4:" + testPeer4.String(), "tcp6": "TCP6:[" + testPeer6.String() + "]"} {
		sums := make(chan string, 1)
		port := listen(g.t, network, func(c net.Conn) {
			defer c.Close()
			h := sha256.New()
			_, _ = io.Copy(h, c)
			sums <- fmt.Sprintf("%x", h.Sum(nil))
		})
		want := sha256.New()
		_, _ = io.CopyN(want, newNoise(), n)
		sum := fmt.Sprintf("%x", want.Sum(nil))
		cmd := g.command("socat", "-u", "-b", "65536", "STDIN", fmt.Sprintf("%s:%d", peer, port))
		cmd.Stdin = io.LimitReader(newNoise(), n)
		if out, err := cmd.CombinedOutput(); err != nil {
			g.t.Fatalf("%s out: %v\n%s", network, err, out)
		}
		select {
		case got := <-sums:
			if got != sum {
				g.t.Errorf("%s out: the bytes differ", network)
			}
		case <-time.After(5 * time.Minute):
			g.t.Fatalf("%s out: the end did not come", network)
		}
		port = listen(g.t, network, func(c net.Conn) {
			defer c.Close()
			_, _ = io.CopyN(c, newNoise(), n)
		})
		h := sha256.New()
		cmd = g.command("socat", "-u", "-b", "65536", fmt.Sprintf("%s:%d", peer, port), "STDOUT")
		cmd.Stdout = h
		if err := cmd.Run(); err != nil {
			g.t.Fatalf("%s in: %v", network, err)
		}
		if fmt.Sprintf("%x", h.Sum(nil)) != sum {
			g.t.Errorf("%s in: the bytes differ", network)
		}
	}
}

// noise is a stream that repeats after a while that is no multiple of a block.
type noise struct {
	block []byte
	at    int
}

func newNoise() *noise {
	random := rand.NewChaCha8([32]byte{7})
	n := &noise{block: make([]byte, 1<<20+7)}
	_, _ = random.Read(n.block)
	return n
}

func (n *noise) Read(b []byte) (int, error) {
	m := copy(b, n.block[n.at:])
	n.at = (n.at + m) % len(n.block)
	return m, nil
}
