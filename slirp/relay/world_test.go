package relay

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// insideName is the test program when it runs again in namespaces of its own.
const insideName = "relay-test-inside"

var (
	inner4 = netip.MustParseAddr("10.9.9.1")
	inner6 = netip.MustParseAddr("fd09::1")
)

// again runs a test as root of a user namespace, in a network namespace of its own.
func again(t *testing.T) (inside bool) {
	t.Helper()
	if os.Args[0] == insideName {
		return true
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{insideName, "-test.run=^" + t.Name() + "$", "-test.v=" + strconv.FormatBool(testing.Verbose())},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// inner is the namespace of the servers: a thread that is in it.
type inner struct {
	t  *testing.T
	ns int
	do chan func()
}

func newInner(t *testing.T) *inner {
	t.Helper()
	ip(t, "link set lo up")
	n := &inner{t: t, do: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.ns, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		ready <- err
		for f := range n.do {
			f()
		}
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(n.do); unix.Close(n.ns) })
	n.in(func() {
		ip(t, "link set lo up")
		ip(t, "addr add 10.9.9.1/32 dev lo")
		ip(t, "addr add fd09::1/128 dev lo nodad")
		ip(t, "route add default dev lo")
		ip(t, "-6 route add default dev lo")
		// The kernel makes the route to an IPv6 address a moment after the address.
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if out, _ := exec.Command("ip", "-6", "route", "show", "table", "local").Output(); strings.Contains(string(out), "local fd09::1 ") {
				return
			}
		}
		t.Error("there is no route to fd09::1")
	})
	return n
}

func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Errorf("ip %s: %v\n%s", args, err, out)
	}
}

// in has the thread call f.
func (n *inner) in(f func()) {
	done := make(chan struct{})
	n.do <- func() { f(); close(done) }
	<-done
}

// listen makes a server's socket.
func (n *inner) listen(address string) (l *net.TCPListener) {
	n.t.Helper()
	n.in(func() { l = bound(n.t, address) })
	n.t.Cleanup(func() { l.Close() })
	return l
}

// bound listens in the namespace of the calling thread.
func bound(t *testing.T, address string) *net.TCPListener {
	to := netip.MustParseAddrPort(address)
	family := unix.AF_INET6
	if to.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, sockaddr(to))
	}
	if err == nil {
		err = unix.Listen(fd, 64)
	}
	if err != nil {
		t.Errorf("%s: %v", address, err)
	}
	f := os.NewFile(uintptr(fd), "server")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

// relayTo is a relay to port 80 of the inner namespace; it returns how it is called.
func (n *inner) relayTo(c Config) (r *Relay, address string, fd int) {
	n.t.Helper()
	c.NS = n.ns
	r, err := Start(c)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(r.Close)
	fd, port := socket(n.t, unix.SOCK_STREAM)
	if !r.Connections(fd, 80) {
		n.t.Error("not published")
	}
	return r, fmt.Sprint(port), fd
}

// socket is a port of every address, of both families.
func socket(t *testing.T, kind int) (fd, port int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet6{})
	}
	if err == nil && kind == unix.SOCK_STREAM {
		err = unix.Listen(fd, 64)
	}
	if err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, int(AddrPort(name).Port())
}

func dialTest(t *testing.T, address, port string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort(address, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c.(*net.TCPConn)
}

func acceptTest(t *testing.T, l *net.TCPListener) *net.TCPConn {
	t.Helper()
	_ = l.SetDeadline(time.Now().Add(time.Minute))
	c, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// line reads what ends with a newline.
func line(t *testing.T, r io.Reader) string {
	t.Helper()
	var s []byte
	for b := make([]byte, 1); len(s) == 0 || s[len(s)-1] != '\n'; s = append(s, b[0]) {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("after %q: %v", s, err)
		}
	}
	return string(s)
}
