package stack

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// echoName is the name under which the test program serves connections: the test
// itself has not descriptors enough for both ends of them.
const echoName = "stack-echo"

// echoMain answers the first byte of each connection.
func echoMain() int {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			go func() {
				b := make([]byte, 1) // io.Copy would take a pipe for each
				for {
					if _, err := c.Read(b); err != nil {
						break
					}
					if _, err := c.Write(b); err != nil {
						break
					}
				}
				c.Close()
			}()
		}
	}()
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// startEcho returns the port that is served.
func startEcho(t *testing.T) (port int) {
	t.Helper()
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{echoName}, Stderr: os.Stderr, SysProcAttr: &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if _, err := fmt.Fscanln(out, &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// guestOrders makes connections from the container: "hold N ADDRESS" keeps them
// until "drop" closes them all at once, as the end of a program does, or "part" one
// after the other; "burst N ADDRESS" makes and closes them.
func guestOrders() {
	var held []net.Conn
	for {
		b := make([]byte, 200)
		size, err := unix.Read(3, b)
		if err != nil || size == 0 {
			return
		}
		var what, address string
		var n int64
		_, _ = fmt.Sscan(string(b[:size]), &what, &n, &address)
		answer := "ok"
		switch what {
		case "hold", "burst":
			conns, err := calls(n, address, what == "hold")
			if held = append(held, conns...); err != nil {
				answer = err.Error()
			}
		case "part", "drop":
			if what == "part" {
				part(held)
			}
			for _, c := range held {
				c.Close()
			}
			held = nil
		}
		_, _ = unix.Write(3, []byte(answer))
	}
}

// calls makes n connections, a few at a time, and has each byte answered.
func calls(n int64, address string, keep bool) (held []net.Conn, failure error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var made atomic.Int64
	for range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for made.Add(1) <= n {
				c, err := net.Dial("tcp", address)
				b := []byte{'x'}
				if err == nil {
					if _, err = c.Write(b); err == nil {
						_, err = io.ReadFull(c, b)
					}
					if !keep {
						c.Close()
					}
				}
				mu.Lock()
				if err != nil {
					failure = err
				} else if keep {
					held = append(held, c)
				}
				mu.Unlock()
			}
		}()
	}
	all.Wait()
	return held, failure
}

// part waits for the other side's end, of a few at a time.
func part(held []net.Conn) {
	var all sync.WaitGroup
	var at atomic.Int64
	for range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := at.Add(1) - 1; i < int64(len(held)); i = at.Add(1) - 1 {
				_ = held[i].(*net.TCPConn).CloseWrite()
				_, _ = held[i].Read(make([]byte, 1))
			}
		}()
	}
	all.Wait()
}

// order has guestOrders do something.
func (g *guest) order(format string, args ...any) {
	g.t.Helper()
	if _, err := unix.Write(g.orders, fmt.Appendf(nil, format, args...)); err != nil {
		g.t.Fatal(err)
	}
	b := make([]byte, 1000)
	n, err := unix.Read(g.orders, b)
	for err == unix.EINTR {
		n, err = unix.Read(g.orders, b)
	}
	if err != nil || string(b[:n]) != "ok" {
		g.t.Fatalf(format+": %v, %s", append(args, err, b[:n])...)
	}
}

// usage is what could leak.
type usage struct {
	descriptors, goroutines, conns, blocks int
	heap                                   uint64
}

func (g *guest) usage() (u usage) {
	done := make(chan struct{})
	g.s.Do(func() {
		u.conns, u.blocks = len(g.s.conns), g.s.pool.used
		close(done)
	})
	<-done
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		g.t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.descriptors, u.goroutines, u.heap = len(list), runtime.NumGoroutine(), m.HeapAlloc
	return u
}

// left describes connections that are there.
func (g *guest) left() (text string) {
	done := make(chan struct{})
	g.s.Do(func() {
		defer close(done)
		n := 0
		for f, c := range g.s.conns {
			if n++; n > 3 {
				break
			}
			text += fmt.Sprintf("\nport %d state %d readable %v writable %v hup %v ended %v shut %v fin %v finished %v said %v outLen %d una %d nxt %d max %d wnd %d tries %d deadline %v at %v index %d now %v unread %d ahead %v",
				f.guestPort, c.state, c.readable, c.writable, c.hup, c.ended, c.shut, c.fin, c.finished, c.said, c.outLen, c.sndUna-c.iss, c.sndNxt-c.iss, c.sndMax-c.iss, c.sndWnd, c.tries, c.deadline, c.at, c.index, g.s.now, c.unread(), c.ahead)
		}
	})
	<-done
	return text
}

// settled waits until all connections are gone, and compares with what was before.
func (g *guest) settled(before usage) {
	g.t.Helper()
	var now usage
	for range 4000 { // as long as the container's kernel may try again
		if now = g.usage(); now.conns == 0 && now.descriptors <= before.descriptors && now.goroutines <= before.goroutines {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	// The map of connections keeps its room, a few hundred bytes for each.
	if now.conns != 0 || now.blocks != 0 || now.descriptors > before.descriptors || now.goroutines > before.goroutines || now.heap > before.heap+16<<20 {
		g.t.Errorf("before: %+v\nafterwards: %+v\nfor example %s", before, now, g.left())
	}
}

// many is how many connections there can be: the limit of descriptors may be less
// than what is wanted.
func many(t *testing.T, want int) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if most := int(min(limit.Cur, 1<<20)) - 500; most < want {
		t.Logf("the limit of descriptors lets %d connections be made", most)
		return most
	}
	return want
}

// TestManyConnections has 10,000 at once, and then none: nothing is left of them.
func TestManyConnections(t *testing.T) {
	g := newGuest(t, 1500)
	// Should the queue overflow, what the container has forgotten is found out soon.
	g.s.Do(func() { g.s.probe = 2 * time.Second })
	port := startEcho(t)
	g.order("burst %d %s:%d", 100, testPeer4, port) // what is made once
	before := g.usage()
	for _, round := range []struct {
		number int
		end    string
	}{{10000, "part"}, {2000, "drop"}} {
		n := many(t, round.number)
		g.order("hold %d %s:%d", n, testPeer4, port)
		now := g.usage()
		if now.conns < n || now.goroutines > before.goroutines {
			t.Errorf("%d connections: %+v, before %+v", n, now, before)
		}
		if each := int64(now.heap-before.heap) / int64(n); each > 4096 {
			t.Errorf("an idle connection takes %d bytes", each)
		}
		g.order("%s", round.end)
		g.settled(before)
	}
}

// TestConnectionsOneAfterTheOther makes some thousands as fast as it can.
func TestConnectionsOneAfterTheOther(t *testing.T) {
	g := newGuest(t, 1500)
	port := startEcho(t)
	g.order("burst %d %s:%d", 100, testPeer4, port)
	before := g.usage()
	n := 5000
	if testing.Short() {
		n = 500
	}
	start := time.Now()
	g.order("burst %d %s:%d", n, testPeer4, port)
	t.Logf("%.0f connections a second", float64(n)/time.Since(start).Seconds())
	g.settled(before)
}
