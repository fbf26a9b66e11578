package slirp

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"coracle/slirp/dns"
)

// peerName is the test program as what lies beyond the host: a network namespace
// to which the host's default routes lead, with addresses of everything that there
// is, at all of which it serves.
const peerName = "slirp-test-peer"

// peerAddrs are the peer's; the last one has no brother of the other family.
var peerAddrs = []string{"1.2.3.4", "1.2.3.5", "10.7.0.1", "10.8.0.1", "169.254.169.254", "2600::4", "2600::5", "fd07::1", "2600::6"}

// peerMain says "here" at TCP ports 53, 80 and 443, and datagrams of UDP ports 53
// and 443 again.
func peerMain() int {
	for _, port := range []string{":53", ":80", ":443"} {
		l, err := net.Listen("tcp", port)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "here\n")
				c.Close()
			}
		}()
	}
	for _, a := range peerAddrs {
		for _, port := range []string{"53", "443"} {
			pc, err := net.ListenPacket("udp", net.JoinHostPort(a, port))
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			go func() {
				b := make([]byte, 64<<10)
				for {
					n, from, err := pc.ReadFrom(b)
					if err != nil {
						return
					}
					_, _ = pc.WriteTo(b[:n], from)
				}
			}()
		}
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// beyond makes the peer's network namespace and the host's way there.
func beyond(t *testing.T) {
	t.Helper()
	wait := exec.Command("cat") // until this program is no more
	wait.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	hold, err := wait.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := wait.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hold.Close(); _ = wait.Wait() })
	pid := strconv.Itoa(wait.Process.Pid)
	enter := []string{"nsenter", "-n", "-t", pid, "--"}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	ip := func(args string) { t.Helper(); run(append([]string{"ip"}, strings.Fields(args)...)...) }
	there := func(args string) {
		t.Helper()
		run(append(append(enter[:len(enter):len(enter)], "ip"), strings.Fields(args)...)...)
	}
	ip("link set lo up")
	ip("link add up0 type veth peer name up1 netns " + pid)
	ip("addr add 192.0.2.1/24 brd 192.0.2.255 dev up0")
	ip("addr add 2001:db8:1::1/64 dev up0 nodad")
	there("addr add 192.0.2.2/24 dev up1")
	there("addr add 2001:db8:1::2/64 dev up1 nodad")
	there("link set lo up")
	there("link set up1 up")
	ip("link set up0 up")
	for _, a := range peerAddrs {
		how := " dev lo"
		if strings.Contains(a, ":") {
			how += " nodad" // or it is the peer's only a moment later
		}
		there("addr add " + a + how)
	}
	ip("route add default via 192.0.2.2")
	ip("route add default via 2001:db8:1::2")
	stdin, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// exec's argv[0] tells the program which one it is.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(enter[0], append(enter[1:], "sh", "-c", `exec -a "$0" "$1"`, peerName, self)...)
	cmd.Args[len(enter)] = "bash" // exec -a is bash's
	cmd.Stdin, cmd.Stderr = stdin, os.Stderr
	ready, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	t.Cleanup(func() { end.Close(); _ = cmd.Wait() })
	if b := make([]byte, 10); true {
		if n, err := ready.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "ready") {
			t.Fatalf("the peer says %q, %v", b[:n], err)
		}
	}
}

// zone is a name server's knowledge: addresses, and "@NAME" for an alias.
type zone struct {
	mu    sync.Mutex
	names map[string][]string
	asked []string
}

// answer is what the server sends back: only for names it has, and not for those
// whose address is "silence".
func (z *zone) answer(b []byte) []byte {
	var q dns.Question
	if dns.ParseQuestion(b, &q) != nil {
		return nil
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, q.Name)
	list, known := z.names[q.Name]
	if !known {
		return q.Reply(nil, dns.Reply{Code: dns.NameError})
	}
	r := append([]byte(nil), q.Reply(nil, dns.Reply{})...)
	count := byte(0)
	owner := []byte{0xc0, 12}
	put := func(kind dns.Type, data []byte) {
		r = append(append(r, owner...), 0, byte(kind), 0, 1, 0, 0, 0, 1)
		r = append(binary.BigEndian.AppendUint16(r, uint16(len(data))), data...)
		count++
	}
	for len(list) > 0 && strings.HasPrefix(list[0], "@") {
		var name []byte
		for label := range strings.SplitSeq(list[0][1:], ".") {
			name = append(append(name, byte(len(label))), label...)
		}
		name = append(name, 0)
		put(dns.CNAME, name)
		owner, list = name, z.names[list[0][1:]]
	}
	for _, s := range list {
		if s == "silence" {
			return nil
		}
		a := netip.MustParseAddr(s)
		if a.Is4() == (q.Type == dns.A) && (q.Type == dns.A || q.Type == dns.AAAA) {
			put(map[bool]dns.Type{true: dns.A, false: dns.AAAA}[a.Is4()], a.AsSlice())
		}
	}
	r[7] = count
	return r
}

func (z *zone) was(name string) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, n := range z.asked {
		if n == name {
			return true
		}
	}
	return false
}

// serve answers at an address, over UDP and TCP.
func (z *zone) serve(t *testing.T, address string) {
	t.Helper()
	pc, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close(); l.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			if r := z.answer(b[:n]); r != nil {
				_, _ = pc.WriteTo(r, from)
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var size [2]byte
				for {
					if _, err := io.ReadFull(c, size[:]); err != nil {
						return
					}
					q := make([]byte, binary.BigEndian.Uint16(size[:]))
					if _, err := io.ReadFull(c, q); err != nil {
						return
					}
					a := z.answer(q)
					// In two pieces, as a network may.
					_, _ = c.Write(binary.BigEndian.AppendUint16(nil, uint16(len(a))))
					_, _ = c.Write(a)
				}
			}()
		}
	}()
}
