package slirp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests of a whole network happen in two network namespaces: one stands for
// the host, where the test program runs again as insideName, the other is the
// container's.
const (
	insideName    = "slirp-test-host"
	containerName = "slirp-test-container"
)

func TestMain(m *testing.M) {
	switch os.Args[0] {
	case containerName:
		os.Exit(containerMain())
	case peerName:
		os.Exit(peerMain())
	}
	os.Exit(m.Run())
}

// containerMain serves ports 80 and, over IPv4 only, 82, where it says who calls before it says the same
// again, and port 53 for datagrams.
func containerMain() int {
	for network, port := range map[string]string{"tcp": ":80", "tcp4": ":82"} {
		l, err := net.Listen(network, port)
		if err != nil {
			return 1
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					fmt.Fprintln(c, c.RemoteAddr())
					_, _ = io.Copy(c, c)
					c.Close()
				}()
			}
		}()
	}
	pc, err := net.ListenPacket("udp", ":53")
	if err != nil {
		return 1
	}
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo([]byte(from.String()+" "+string(b[:n])), from)
		}
	}()
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// again runs a test in the namespaces of a host of its own, as its root.
func again(t *testing.T) (inside bool) {
	t.Helper()
	if os.Args[0] == insideName {
		return true
	}
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skipf("tun: %v", err)
	} else {
		f.Close()
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{insideName, "-test.run=^" + t.Name() + "$", "-test.v=" + strconv.FormatBool(testing.Verbose())},
		Env: os.Environ(),
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	} else if testing.Verbose() {
		t.Logf("%s", out)
	}
	return false
}

// container is a network namespace with the network under test.
type container struct {
	t   *testing.T
	pid int
	*Network
	resolv string
}

func newContainer(t *testing.T, options string) *container {
	t.Helper()
	return newContainerAt(t, options, func(int, *Options) {})
}

// newContainerAt lets prepare do something to the namespace and the options before
// the network starts.
func newContainerAt(t *testing.T, options string, prepare func(ns int, o *Options)) *container {
	t.Helper()
	return newContainerWith(t, options, Hooks{}, prepare)
}

func newContainerWith(t *testing.T, options string, hooks Hooks, prepare func(ns int, o *Options)) *container {
	t.Helper()
	for _, args := range []string{"link set lo up", "addr replace 203.0.113.5/32 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", args, err, out)
		}
	}
	stdin, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{containerName}, Stdin: stdin,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: 0, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: 0, Size: 1}},
		},
	}
	ready, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	t.Cleanup(func() { end.Close(); _ = cmd.Wait() })
	if _, err := ready.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	o, err := Parse(options)
	if err != nil {
		t.Fatal(err)
	}
	o.HostPorts = []uint16{5432}
	c := &container{t: t, pid: cmd.Process.Pid, resolv: filepath.Join(t.TempDir(), "resolv.conf")}
	ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", c.pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ns)
	prepare(ns, &o)
	if c.Network, err = start(ns, o, hooks, c.resolv); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// sh runs a script in the container.
func (c *container) sh(script string) (string, error) {
	c.t.Helper()
	cmd := exec.Command("nsenter", "-U", "-n", "--preserve-credentials", "-t", strconv.Itoa(c.pid), "--", "busybox", "sh", "-c", script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// says serves a line on a TCP port.
func says(t *testing.T, address, line string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
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
			_, _ = io.WriteString(c, line+"\n")
			c.Close()
		}
	}()
}

// names is a name server that gives every name one address, over UDP and TCP.
func names(t *testing.T, address string, answer netip.Addr) {
	t.Helper()
	reply := func(q []byte) []byte {
		if len(q) < 17 {
			return nil
		}
		r := append([]byte(nil), q...)
		r[2], r[3], r[7], r[10], r[11] = 0x81, 0x80, 1, 0, 0
		end := 12
		for end < len(q) && q[end] != 0 {
			end += int(q[end]) + 1
		}
		kind := binary.BigEndian.Uint16(q[end+1:])
		r = r[:end+5]
		if kind != 1 { // only A
			r[7] = 0
			return r
		}
		return append(append(r, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4), answer.AsSlice()...)
	}
	pc, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(reply(b[:n]), from)
		}
	}()
	l, err := net.Listen("tcp", address)
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
			r := bufio.NewReader(c)
			var size [2]byte
			if _, err := io.ReadFull(r, size[:]); err == nil {
				q := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(r, q); err == nil {
					a := reply(q)
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
				}
			}
			c.Close()
		}
	}()
}

func TestNetwork(t *testing.T) {
	if !again(t) {
		return
	}
	c := newContainer(t, "")
	says(t, "127.0.0.1:5432", "database")
	says(t, "[::1]:5432", "database6")
	says(t, "127.0.0.1:22", "secret")
	says(t, "203.0.113.5:80", "secret")
	names(t, "127.0.0.53:53", netip.MustParseAddr("192.0.2.80"))
	names(t, "127.0.0.54:53", netip.MustParseAddr("192.0.2.81"))
	if err := os.WriteFile(c.resolv, []byte("nameserver 127.0.0.53\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		script string
		want   string
		fails  bool
	}{
		{script: "ip addr show dev tap0 | grep -o 'inet6* [^ ]*'", want: "inet 10.0.2.100/24\ninet6 fd00::64/64"},
		{script: "ip route | head -1", want: "default via 10.0.2.2 dev tap0"},
		{script: "nc 10.0.2.2 5432 </dev/null", want: "database"},
		{script: "nc fd00::2 5432 </dev/null", want: "database6"},
		{script: "nc 10.0.2.2 22 </dev/null", want: "refused", fails: true},
		{script: "nc 203.0.113.5 80 </dev/null", want: "refused", fails: true},
		{script: "nc 198.51.100.1 80 </dev/null", want: "unreachable", fails: true}, // this host has no way there
		{script: "nc 2001:db8::1 80 </dev/null", want: "unreachable", fails: true},
		{script: "ping -c 1 -W 5 10.0.2.2", want: "1 packets received"},
		{script: "ping -c 1 -W 5 fd00::2", want: "1 packets received"},
		{script: "nslookup www.example 10.0.2.3", want: "192.0.2.80"},
		{script: "nslookup www.example 10.0.2.4", want: "192.0.2.80"}, // there is no second one
	}
	for _, test := range tests {
		out, err := c.sh(test.script)
		if (err != nil) != test.fails || !strings.Contains(out, test.want) {
			t.Errorf("%s: %v\n%s", test.script, err, out)
		}
	}
	// Another network, another name server: at once.
	if err := os.WriteFile(c.resolv+"~", []byte("nameserver 127.0.0.54\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.resolv+"~", c.resolv); err != nil {
		t.Fatal(err)
	}
	if out, err := c.sh("nslookup www.example 10.0.2.3"); err != nil || !strings.Contains(out, "192.0.2.81") {
		t.Errorf("%v\n%s", err, out)
	}
	// The same over TCP, as for long answers.
	if out, err := c.sh(`printf '\0\35\0\1\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1' | nc 10.0.2.3 53 | od -An -tu1`); err != nil || !strings.Contains(strings.Join(strings.Fields(out), " "), "192 0 2 81") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNetworkHostLoopback(t *testing.T) {
	if !again(t) {
		return
	}
	c := newContainer(t, "host-loopback,ipv6=false,cidr=192.168.200.0/24,mtu=9000")
	says(t, "127.0.0.1:22", "open")
	says(t, "203.0.113.5:80", "open")
	for script, want := range map[string]string{
		"nc 192.168.200.2 22 </dev/null": "open", "nc 203.0.113.5 80 </dev/null": "open",
		"ip addr show dev tap0 | grep -c fd00": "0", "ip link show dev tap0": "mtu 9000",
	} {
		if out, _ := c.sh(script); !strings.Contains(out, want) {
			t.Errorf("%s: %s", script, out)
		}
	}
}
