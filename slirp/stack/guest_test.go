package stack

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/slirp/tun"
)

// guestName is the name under which the test program makes the container's side:
// a device in a network namespace of its own, which it sends back.
const guestName = "stack-guest"

func TestMain(m *testing.M) {
	switch os.Args[0] {
	case guestName:
		os.Exit(guestMain())
	case echoName:
		os.Exit(echoMain())
	}
	os.Exit(m.Run())
}

var (
	guest4, gateway4 = netip.MustParseAddr("10.0.2.100"), netip.MustParseAddr("10.0.2.2")
	guest6, gateway6 = netip.MustParseAddr("fd00::100"), netip.MustParseAddr("fd00::2")
)

func guestMain() int {
	mtu, _ := strconv.Atoi(os.Args[1])
	d, err := tun.Open(tun.Config{
		Name: "tap0", MTU: mtu, Gateways: []netip.Addr{gateway4, gateway6},
		Addresses: []netip.Prefix{netip.PrefixFrom(guest4, 24), netip.PrefixFrom(guest6, 64)},
	})
	if err == nil {
		segments := byte(0)
		if d.UDPSegments {
			segments = 1
		}
		err = unix.Sendmsg(3, []byte{segments}, unix.UnixRights(d.FD), nil, 0)
		unix.Close(d.FD)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	guestOrders() // until the test is done
	return 0
}

// guest is a network namespace behind a stack.
type guest struct {
	t      *testing.T
	s      *Stack
	pid    int
	orders int // a socket to guestOrders
}

// testPeer stands for the machine that the tests run on, by any of its ports.
var (
	testPeer4 = netip.MustParseAddr("198.51.100.7")
	testPeer6 = netip.MustParseAddr("2001:db8::7")
)

func toLoopback(_ uint8, to netip.AddrPort) (netip.AddrPort, Verdict) {
	switch to.Addr() {
	case testPeer4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.Port()), Allow
	case testPeer6:
		return netip.AddrPortFrom(netip.IPv6Loopback(), to.Port()), Allow
	}
	return to, Prohibit
}

func newGuest(t *testing.T, mtu int) *guest {
	t.Helper()
	return newGuestOn(t, mtu, func(device int) int { return device })
}

// newGuestOn has something stand between the device and the stack.
func newGuestOn(t *testing.T, mtu int, between func(device int) (link int)) *guest {
	t.Helper()
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skipf("tun: %v", err)
	} else {
		f.Close()
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{guestName, strconv.Itoa(mtu)}, Stderr: os.Stderr,
		ExtraFiles: []*os.File{os.NewFile(uintptr(pair[1]), "pair")},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles[0].Close()
	t.Cleanup(func() { unix.Close(pair[0]); _ = cmd.Wait() })
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(pair[0], b, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n != 1 {
		t.Fatalf("no device: %v", err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.SetNonblock(fds[0], true)
	s, err := New(Config{
		Link: between(fds[0]), Network: Network{MTU: mtu, Gateway4: gateway4, Gateway6: gateway6}, Route: toLoopback, UDPSegments: b[0] == 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &guest{t, s, cmd.Process.Pid, pair[0]}
}

// command is a program in the container.
func (g *guest) command(argv ...string) *exec.Cmd {
	g.t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		g.t.Skipf("program %s: %v", argv[0], err)
	}
	return exec.Command("nsenter", append([]string{"-U", "-n", "--preserve-credentials", "-t", strconv.Itoa(g.pid), "--"}, argv...)...)
}

// listen serves TCP connections on the loopback and returns the port.
func listen(t *testing.T, network string, serve func(net.Conn)) int {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "tcp6" {
		address = "[::1]:0"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}
