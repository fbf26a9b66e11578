package bridge

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
)

// insideName is the test program in user and network namespaces of its own.
const insideName = "bridge-test-inside"

// again runs a test there, as root of them: the host is that namespace.
func again(t *testing.T) (inside bool) {
	t.Helper()
	if os.Args[0] == insideName {
		return true
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{insideName, "-test.run=^" + t.Name() + "$", "-test.v"},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var subnets = []netip.Prefix{netip.MustParsePrefix("10.88.0.0/16"), netip.MustParsePrefix("fd00:88::/64")}

// The world is a host with the addresses 192.0.2.1 and 2001:db8::1, a peer (.2 and
// ::2) on a cable, which knows the way to the network, and two containers.
type world struct {
	network, peer, one, two int
}

const (
	hostSide4, hostSide6 = "10.88.255.254", "fd00:88::fffe"
	one4, one6           = "10.88.0.2", "fd00:88::2"
	two4                 = "10.88.0.3"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	add := func(c *link.Conn, name, gateway4, gateway6 string, addresses ...string) {
		t.Helper()
		index, err := c.Index(name)
		must(t, err)
		for _, a := range addresses {
			must(t, c.AddAddress(index, netip.MustParsePrefix(a)))
		}
		must(t, c.Up(index, 0))
		must(t, c.Up(1, 0))
		for _, g := range []string{gateway4, gateway6} {
			if g != "" {
				gateway := netip.MustParseAddr(g)
				must(t, c.AddRoute(link.Route{Index: index, To: link.Anywhere(gateway), Gateway: gateway}))
			}
		}
	}
	space := func() int {
		t.Helper()
		ns, err := link.New(func(*link.Conn) error { return nil })
		must(t, err)
		t.Cleanup(func() { unix.Close(ns) })
		return ns
	}
	w.network, w.peer, w.one, w.two = space(), space(), space(), space()
	c, err := link.Dial()
	must(t, err)
	defer c.Close()
	must(t, c.AddVeth(link.Veth{Name: "ext0", Peer: "eth0", PeerNS: w.peer}))
	add(c, "ext0", "", "", "192.0.2.1/24", "2001:db8::1/64")
	must(t, link.In(w.peer, func(c *link.Conn) error {
		add(c, "eth0", "192.0.2.1", "2001:db8::1", "192.0.2.2/24", "2001:db8::2/64")
		return nil
	}))
	must(t, link.In(w.network, func(c *link.Conn) error {
		must(t, c.AddBridge(link.Bridge{Name: "br0"}))
		add(c, "br0", "", "")
		master, err := c.Index("br0")
		must(t, err)
		for i, ns := range []int{w.one, w.two} {
			name := fmt.Sprintf("v%d", i)
			must(t, c.AddVeth(link.Veth{Name: name, Master: master, Peer: "eth0", PeerNS: ns}))
			add(c, name, "", "")
		}
		return nil
	}))
	w.uplink(t)
	for i, ns := range []int{w.one, w.two} {
		must(t, link.In(ns, func(c *link.Conn) error {
			add(c, "eth0", hostSide4, hostSide6, fmt.Sprintf("10.88.0.%d/16", 2+i), fmt.Sprintf("fd00:88::%d/64", 2+i))
			return nil
		}))
	}
	return w
}

// uplink makes the host's device, and puts its other end into the bridge.
func (w *world) uplink(t *testing.T) {
	t.Helper()
	u := Uplink{NS: w.network, Port: "host0", Gateways: []netip.Prefix{netip.MustParsePrefix(hostSide4 + "/16"), netip.MustParsePrefix(hostSide6 + "/64")}}
	must(t, u.Make())
	must(t, link.In(w.network, func(c *link.Conn) error {
		master, err := c.Index("br0")
		must(t, err)
		index, err := c.Index("host0")
		must(t, err)
		must(t, c.SetMaster(index, master))
		return c.Up(index, 0)
	}))
}

// forward switches forwarding on, until the test ends.
func forward(t *testing.T) {
	t.Helper()
	ready := make(chan error, 1)
	go func() { _ = Keeper{Dir: t.TempDir(), Six: true}.Keep(func(err error) { ready <- err }) }()
	must(t, <-ready)
	if !CanForward6() { // before 6.17 the host must be a router
		must(t, os.WriteFile(sysctls+"ipv6/conf/all/forwarding", []byte("1"), 0))
	}
}

// serve answers in a namespace (below 0: on the host) with the client's address and
// port, until the test ends.
func serve(t *testing.T, ns int, network, address string) {
	t.Helper()
	in(t, ns, func() error {
		if strings.HasPrefix(network, "udp") {
			c, err := net.ListenPacket(network, address)
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.Close() })
			go func() {
				b := make([]byte, 100)
				for {
					_, from, err := c.ReadFrom(b)
					if err != nil {
						return
					}
					_, _ = c.WriteTo([]byte(from.String()), from)
				}
			}()
			return nil
		}
		l, err := net.Listen(network, address)
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte(c.RemoteAddr().String()))
				c.Close()
			}
		}()
		return nil
	})
}

func in(t *testing.T, ns int, f func() error) {
	t.Helper()
	if ns < 0 {
		must(t, f())
		return
	}
	must(t, link.In(ns, func(*link.Conn) error { return f() }))
}

// long is for what comes, short for what must not: a packet that is dropped is never
// answered.
const (
	long  = 20 * time.Second
	short = 300 * time.Millisecond
)

// ask connects from a namespace and returns who the server sees, without the port.
func ask(t *testing.T, ns int, network, address string, patience time.Duration) (seen string, err error) {
	t.Helper()
	in(t, ns, func() error {
		var c net.Conn
		if c, err = net.DialTimeout(network, address, patience); err != nil {
			return nil
		}
		defer c.Close()
		b := make([]byte, 100)
		n := 0
		// The first datagrams may be lost while neighbours look for each other.
		for deadline := time.Now().Add(patience); n == 0 && time.Now().Before(deadline); {
			if _, err = c.Write([]byte{1}); err != nil && strings.HasPrefix(network, "udp") {
				return nil
			}
			_ = c.SetReadDeadline(time.Now().Add(short))
			n, err = c.Read(b)
		}
		if n > 0 {
			err = nil
		}
		seen, _, _ = net.SplitHostPort(string(bytes.TrimSpace(b[:n])))
		return nil
	})
	return seen, err
}

// run executes a shell's command in a namespace, or below 0 on the host.
func run(t *testing.T, ns int, command string) {
	t.Helper()
	in(t, ns, func() error {
		if out, err := exec.Command("sh", "-ec", command).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, out)
		}
		return nil
	})
}
