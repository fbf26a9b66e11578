package relay

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// echo answers datagrams in the inner namespace with who sent them and what.
func (n *inner) echo(address string) {
	n.t.Helper()
	to := netip.MustParseAddrPort(address)
	n.in(func() {
		family := unix.AF_INET6
		if to.Addr().Is4() {
			family = unix.AF_INET
		}
		fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, sockaddr(to))
		}
		if err != nil {
			n.t.Error(err)
		}
		go func() {
			b := make([]byte, 2048)
			for {
				size, from, err := unix.Recvfrom(fd, b, 0)
				if err != nil {
					return
				}
				_ = unix.Sendto(fd, fmt.Appendf(nil, "%s %s", AddrPort(from).Addr(), b[:size]), 0, from)
			}
		}()
	})
}

func ask(t *testing.T, address string, port int, text string) (answer string) {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(address, fmt.Sprint(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 2048)
	for _, s := range []string{text, text + " again"} {
		if _, err := c.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		size, err := c.Read(b)
		if err != nil {
			t.Fatalf("%s to %s: %v", s, address, err)
		}
		answer = string(b[:size])
	}
	return answer
}

func TestDatagrams(t *testing.T) {
	if !again(t) {
		return
	}
	n := newInner(t)
	r, _, _ := n.relayTo(Config{})
	n.echo("0.0.0.0:53")
	n.echo("[fd09::1]:54")
	fd, port := socket(t, unix.SOCK_DGRAM)
	if !r.Datagrams(fd, 53) {
		t.Error("not published")
	}
	fd6, port6 := socket(t, unix.SOCK_DGRAM)
	r.Datagrams(fd6, 54)
	for _, c := range []struct {
		address string
		port    int
		want    string
	}{
		{"127.0.0.1", port, "10.9.9.1 hello again"}, {"::1", port, "10.9.9.1 hello again"},
		{"127.0.0.1", port6, "fd09::1 hello again"}, {"::1", port6, "fd09::1 hello again"},
	} {
		if got := ask(t, c.address, c.port, "hello"); got != c.want {
			t.Errorf("%s:%d: %q, want %q", c.address, c.port, got, c.want)
		}
	}
	check := func(f func()) {
		done := make(chan struct{})
		r.do(func() { f(); close(done) })
		<-done
	}
	check(func() {
		if len(r.flows.all) != 4 {
			t.Errorf("%d flows", len(r.flows.all))
		}
	})
	if !r.Withdraw(fd) {
		t.Error("not withdrawn")
	}
	check(func() {
		if len(r.flows.all) != 2 {
			t.Errorf("%d flows of the other port", len(r.flows.all))
		}
		// One of the two was used lately.
		r.flows.list.next.last = r.now.Add(-flowLife)
		r.flows.swept = time.Time{}
		r.flows.sweep(r.now)
		if len(r.flows.all) != 1 || !r.flows.any() {
			t.Errorf("%d flows after a while", len(r.flows.all))
		}
	})
}

// Who has not been heard of for longest makes room.
func TestFlowsBound(t *testing.T) {
	if !again(t) {
		return
	}
	n := newInner(t)
	r, _, _ := n.relayTo(Config{To4: inner4, To6: inner6})
	done := make(chan struct{})
	r.do(func() {
		defer close(done)
		fd, _ := socket(t, unix.SOCK_DGRAM)
		u := &datagrams{r, fd, 53}
		defer u.close()
		for i := range mostFlows + 10 {
			if u.flow(&unix.SockaddrInet4{Addr: [4]byte{10, 0, byte(i >> 8), byte(i)}, Port: 1}) == nil {
				t.Errorf("no flow %d", i)
				return
			}
		}
		if len(r.flows.all) != mostFlows || r.flows.list.next.key.client.String() != "10.0.0.10:1" {
			t.Errorf("%d flows, the oldest is %v", len(r.flows.all), r.flows.list.next.key)
		}
	})
	<-done
}
