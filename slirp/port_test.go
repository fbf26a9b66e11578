package slirp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParsePorts(t *testing.T) {
	for _, c := range []struct{ in, want, bad string }{
		{in: "80", want: ":80/tcp"},
		{in: "8080:80", want: "8080:80/tcp"},
		{in: "8080:80/UDP", want: "8080:80/udp"},
		{in: "127.0.0.1:8080:80", want: "127.0.0.1:8080:80/tcp"},
		{in: "127.0.0.1::80", want: "127.0.0.1::80/tcp"},
		{in: "[::1]:8080:80", want: "[::1]:8080:80/tcp"},
		{in: "0:80", want: ":80/tcp"},
		{in: "8000-8002:80-82", want: "8000:80/tcp 8001:81/tcp 8002:82/tcp"},
		{in: "80-81", want: ":80/tcp :81/tcp"},
		{in: "", bad: "not a port of the container's"},
		{in: "0", bad: "not a port"},
		{in: "80:", bad: "not a port"},
		{in: "http:80", bad: "not a port of the host's"},
		{in: "70000:80", bad: "not a port of the host's"},
		{in: "8000-8001:80-82", bad: "different lengths"},
		{in: "90-80", bad: "not a port"},
		{in: "1-65535", bad: "too many"},
		{in: "80/sctp", bad: "not sctp"},
		{in: "80/ip", bad: "not a protocol"},
		{in: "::1:8080:80", bad: "brackets"},
		{in: "1.2.3:8080:80", bad: "not an address"},
	} {
		list, err := ParsePorts(c.in)
		if c.bad != "" {
			if !errors.Is(err, ErrPort) || !strings.Contains(err.Error(), c.bad) {
				t.Errorf("%q: %v", c.in, err)
			}
			continue
		}
		var got []string
		for _, p := range list {
			got = append(got, p.String())
			if again, err := ParsePorts(p.String()); err != nil || again[0] != p {
				t.Errorf("%q does not read its own %s: %v, %v", c.in, p, again, err)
			}
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%q: %v, %v", c.in, got, err)
		}
	}
}

func TestListen(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	for _, protocol := range []string{"tcp", "udp"} {
		l, err := Listen(Port{Protocol: protocol, HostIP: loopback, ContainerPort: 80})
		if err != nil || l.HostPort == 0 {
			t.Fatalf("%s: %+v, %v", protocol, l, err)
		}
		defer l.Close()
		_, err = Listen(Port{Protocol: protocol, HostIP: loopback, HostPort: l.HostPort, ContainerPort: 80})
		if err == nil || !strings.Contains(err.Error(), "publishes it twice") || !strings.Contains(err.Error(), "fix: -p 127.0.0.1:") {
			t.Errorf("%s: %v", protocol, err)
		}
	}
	_, err := Listen(Port{Protocol: "tcp", HostIP: netip.MustParseAddr("192.0.2.1"), ContainerPort: 80})
	if err == nil || !strings.Contains(err.Error(), "does not have the address") {
		t.Errorf("%v", err)
	}
	ip := netip.MustParseAddr("127.0.0.1")
	first := firstUnprivileged()
	for _, c := range []struct {
		err  error
		want []string
	}{
		{os.ErrPermission, []string{"cannot publish port 80/tcp: permission denied"}},
		{syscall.EACCES, []string{fmt.Sprintf("ports below %d are the system's", first), "sudo sysctl net.ipv4.ip_unprivileged_port_start=80", "-p 127.0.0.1:"}},
		{syscall.EADDRINUSE, []string{"it is taken", "fix: -p 127.0.0.1:"}},
	} {
		err := explain(Port{Protocol: "tcp", HostIP: ip, HostPort: 80, ContainerPort: 8081}, 1, c.err)
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || !errors.Is(err, c.err) {
				t.Errorf("%v: %v lacks %q", c.err, err, want)
			}
		}
	}
	if _, err := Listen(Port{Protocol: "sctp", ContainerPort: 80}); err == nil {
		t.Error("sctp is served")
	}
}

func FuzzParsePorts(f *testing.F) {
	f.Add("127.0.0.1:8000-8002:80-82/udp")
	f.Add("[::1]::80")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ParsePorts(s)
		if err == nil && (len(list) == 0 || len(list) > mostPorts) {
			t.Errorf("%q: %d ports", s, len(list))
		}
		for _, p := range list {
			if again, err := ParsePorts(p.String()); err != nil || len(again) != 1 || again[0] != p {
				t.Errorf("%q: %+v is written %s and read %v, %v", s, p, p, again, err)
			}
		}
	})
}

// seenAt is what the container's server says to a client: how it sees it.
func seenAt(t *testing.T, address string, port uint16) (conn net.Conn, seen string) {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(address, fmt.Sprint(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	seen, err = bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Errorf("%s: %v", address, err)
	}
	return conn, strings.TrimSpace(seen)
}

func listenTest(t *testing.T, spec string) *Listener {
	t.Helper()
	list, err := ParsePorts(spec)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(list[0])
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A server that listens to IPv4 only is reached over IPv6, too; clients that have
// the same address and port in the container's eyes do not get in each other's way.
func TestPublishedClients(t *testing.T) {
	if !again(t) {
		return
	}
	c := newContainer(t, "")
	l := listenTest(t, "0:82")
	port := l.HostPort
	c.Publish(l)
	if _, seen := seenAt(t, "::1", port); !strings.HasPrefix(seen, "10.0.2.2:") {
		t.Errorf("over IPv6: %s", seen)
	}
	first, seen := seenAt(t, "127.0.0.1", port)
	local := first.LocalAddr().(*net.TCPAddr).Port
	if want := fmt.Sprintf("10.0.2.2:%d", local); seen != want {
		t.Errorf("%s, want %s", seen, want)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 5), Port: local}}
	second, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_ = second.SetDeadline(time.Now().Add(time.Minute))
	other, err := bufio.NewReader(second).ReadString('\n')
	if err != nil || other == seen+"\n" || !strings.HasPrefix(other, "10.0.2.2:") {
		t.Errorf("the second: %q, %v", other, err)
	}
}

// With source-ip=gateway nobody's own address is seen; answers come to who asked,
// though two have the same port.
func TestHiddenClients(t *testing.T) {
	if !again(t) {
		return
	}
	// 198.51.100.7 and .8 are no addresses of this host, but lead here.
	for _, args := range []string{"link set lo up", "route add local 198.51.100.0/24 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", args, err, out)
		}
	}
	for option, port := range map[string]int{"source-ip=gateway": 20000, "source-ip=preserve": 20001} {
		t.Run(option, func(t *testing.T) {
			c := newContainer(t, option)
			t.Cleanup(func() { _ = exec.Command("ip", "addr", "del", "203.0.113.5/32", "dev", "lo").Run() })
			tcp, udp := listenTest(t, "0:80"), listenTest(t, "0:53/udp")
			c.Publish(tcp)
			c.Publish(udp)
			for i := range 2 {
				client := net.IPv4(198, 51, 100, byte(7+i))
				from := client.String() + ":"
				if strings.HasSuffix(option, "gateway") {
					from = "10.0.2.2:"
				}
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: client, Port: port}}
				conn, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", tcp.HostPort))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				if seen, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(seen, from) {
					t.Errorf("%s is seen as %s, %v", client, seen, err)
				}
				asker, err := net.ListenUDP("udp", &net.UDPAddr{IP: client, Port: port})
				if err != nil {
					t.Fatal(err)
				}
				defer asker.Close()
				_ = asker.SetDeadline(time.Now().Add(time.Minute))
				b := make([]byte, 100)
				for range 2 {
					_, _ = asker.WriteTo([]byte("datagram"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(udp.HostPort)})
					if n, _, err := asker.ReadFrom(b); err != nil || !strings.HasPrefix(string(b[:n]), from) || !strings.HasSuffix(string(b[:n]), " datagram") {
						t.Errorf("%s: %q, %v", client, b[:n], err)
					}
				}
			}
		})
	}
}

// A port that is withdrawn is free, and who is connected stays.
func TestWithdraw(t *testing.T) {
	if !again(t) {
		return
	}
	type publisher interface {
		Publish(l *Listener)
		Withdraw(p Port) bool
		Close()
	}
	c := newContainer(t, "ipv6=false")
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.pid))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	r, err := NewRelay(int(ns.Fd()), netip.Addr{}, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]publisher{"10.0.2.2": c.Network, "10.0.2.100": r} {
		tcp, udp := listenTest(t, "0:80"), listenTest(t, "127.0.0.1::53/udp")
		n.Publish(tcp)
		n.Publish(udp)
		conn, seen := seenAt(t, "127.0.0.1", tcp.HostPort)
		if !strings.HasPrefix(seen, name+":") {
			t.Errorf("%s: seen as %s", name, seen)
		}
		client, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", udp.HostPort))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		_ = client.SetDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 100)
		_, _ = io.WriteString(client, "datagram")
		if n, err := client.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), name+":") {
			t.Errorf("%s: %q, %v", name, b[:n], err)
		}
		for _, p := range []Port{tcp.Port, udp.Port} {
			if !n.Withdraw(p) || n.Withdraw(p) {
				t.Errorf("%s: %s was not withdrawn once", name, p)
			}
			if l, err := Listen(p); err != nil {
				t.Errorf("%s: it is not free: %v", name, err)
			} else {
				n.Publish(l) // and once more
			}
		}
		if _, err := io.WriteString(conn, "x"); err != nil {
			t.Error(err)
		}
		if _, err := conn.Read(b); err != nil {
			t.Errorf("%s: who was connected: %v", name, err)
		}
		if _, seen := seenAt(t, "127.0.0.1", tcp.HostPort); !strings.HasPrefix(seen, name+":") {
			t.Errorf("%s: seen as %s again", name, seen)
		}
	}
	r.Close()
	l := listenTest(t, "0:80")
	port := l.Port
	r.Publish(l)
	if r.Withdraw(port) {
		t.Error("withdrawn by nobody")
	}
	if l, err := Listen(port); err != nil {
		t.Errorf("a relay that has ended keeps a port: %v", err)
	} else {
		l.Close()
	}
}

func TestPublish(t *testing.T) {
	if !again(t) {
		return
	}
	c := newContainer(t, "")
	publish := func(spec string) Port {
		t.Helper()
		list, err := ParsePorts(spec)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Listen(list[0])
		if err != nil {
			t.Fatal(err)
		}
		c.Publish(l)
		return l.Port
	}
	port := publish("0:80").HostPort
	for _, address := range []string{"127.0.0.1", "::1", "203.0.113.5"} {
		conn, err := net.Dial("tcp", net.JoinHostPort(address, fmt.Sprint(port)))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "hello\n")
		_ = conn.(*net.TCPConn).CloseWrite()
		b, err := io.ReadAll(conn)
		conn.Close()
		if err != nil {
			t.Errorf("%s: %v", address, err)
		}
		want := "10.0.2.2"
		if address == "::1" {
			want = "fd00::2"
		}
		if s := string(b); !strings.Contains(s, want) || !strings.HasSuffix(s, "hello\n") {
			t.Errorf("%s: %q", address, s)
		}
	}
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", publish("127.0.0.1:0:53/udp").HostPort))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := make([]byte, 100)
	_, _ = io.WriteString(conn, "datagram")
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := conn.Read(b)
	if want := "10.0.2.2:" + fmt.Sprint(conn.LocalAddr().(*net.UDPAddr).Port) + " datagram"; err != nil || string(b[:n]) != want {
		t.Errorf("%q, %v, want %q", b[:n], err, want)
	}
	// Nobody listens there: the client is told so.
	if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", publish("127.0.0.1::81").HostPort)); err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(b); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("no server: %v", err)
		}
		conn.Close()
	}
}
