package slirp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
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
		if err == nil || !strings.Contains(err.Error(), "taken") || !strings.Contains(err.Error(), "(slirp.test)") || !strings.Contains(err.Error(), "fix: -p 127.0.0.1:") {
			t.Errorf("%s: %v", protocol, err)
		}
	}
	_, err := Listen(Port{Protocol: "tcp", HostIP: netip.MustParseAddr("192.0.2.1"), ContainerPort: 80})
	if err == nil || !strings.Contains(err.Error(), "does not have the address") {
		t.Errorf("%v", err)
	}
	if err := explain(Port{Protocol: "tcp", HostPort: 80, ContainerPort: 80}, 1, os.ErrPermission); err == nil {
		t.Error("no error")
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
