package stack

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// localServer is a name server within the process, at an address of the container's.
var localServer = netip.MustParseAddrPort("10.0.2.3:53")

func TestLocalDatagrams(t *testing.T) {
	w := newWire(t)
	var got []string
	w.s.Local.Datagram = func(from, to netip.AddrPort, b []byte) bool {
		if to != localServer {
			return false
		}
		got = append(got, string(b))
		w.s.Reply(to, from, append([]byte("re: "), b...))
		return true
	}
	from := netip.AddrPortFrom(guest4, 4000)
	w.datagram(from, localServer, "who")
	list := w.datagrams()
	if len(list) != 1 || !slices.Equal(got, []string{"who"}) || len(w.s.udp.all) != 0 {
		t.Fatalf("%q, %q, %d flows", list, got, len(w.s.udp.all))
	}
	// Several that the kernel has put together are told apart.
	got = nil
	src, dst := packet.From(guest4), packet.From(localServer.Addr())
	const text = "onetwothreefour!"
	b := make([]byte, packet.VirtioLen+packet.IPv4Len+packet.UDPLen)
	packet.PutIP(b[packet.VirtioLen:], &src, &dst, packet.UDP, packet.UDPLen+len(text), 7)
	packet.PutUDP(b[packet.VirtioLen+packet.IPv4Len:], 4000, 53, len(text))
	packet.PutVirtio(b, packet.GSOUDP, 6, packet.IPv4Len, packet.UDPLen, packet.UDPSum)
	w.raw(append(b, text...))
	w.settle()
	if !slices.Equal(got, []string{"onetwo", "threef", "our!"}) {
		t.Errorf("%q", got)
	}
	// Other addresses and ports are as ever.
	w.datagrams()
	w.datagram(from, netip.MustParseAddrPort("10.0.2.4:53"), "who")
	w.datagram(from, netip.MustParseAddrPort("10.0.2.3:54"), "who")
	if all := w.take(); len(all) != 2 || all[0].Protocol != packet.ICMP || all[1].Protocol != packet.ICMP {
		t.Errorf("%d packets", len(all))
	}
}

func TestLocalConnections(t *testing.T) {
	w := newWire(t)
	var other int
	answer := 0
	w.s.Local.Dial = func(to netip.AddrPort) (int, bool) {
		if to != localServer {
			return -1, false
		}
		if answer < 0 {
			return -1, true
		}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		other = pair[0]
		return pair[1], true
	}
	w.peer, w.peerPort = packet.From(localServer.Addr()), 53
	w.at(w.seq, packet.SYN, "", synOptions...)
	p := w.one()
	w.seq++
	w.want(p, packet.SYN|packet.ACK, p.Seq, w.seq)
	w.ack = p.Seq + 1
	w.say(packet.ACK, "")
	w.say(packet.ACK|packet.PSH, "question")
	w.seq += 8
	w.take()
	b := make([]byte, 20)
	if n, err := unix.Read(other, b); err != nil || string(b[:n]) != "question" {
		t.Fatalf("%q, %v", b[:max(n, 0)], err)
	}
	if _, err := unix.Write(other, []byte("answer")); err != nil {
		t.Fatal(err)
	}
	if p := w.one(); string(p.Segment.Payload) != "answer" {
		t.Errorf("%q", p.Segment.Payload)
	}
	w.ack += 6
	w.say(packet.ACK, "")
	// The end is passed on, both ways.
	w.say(packet.ACK|packet.FIN, "")
	w.seq++
	w.take()
	if n, err := unix.Read(other, b); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	unix.Close(other)
	w.want(w.one(), packet.FIN|packet.ACK, w.ack, w.seq)

	answer = -1
	w.guestPort++
	w.at(w.seq, packet.SYN, "", synOptions...)
	w.want(w.one(), packet.RST|packet.ACK, 0, w.seq+1)
	w.peerPort = 54
	w.guestPort++
	w.at(w.seq, packet.SYN, "", synOptions...)
	if p := w.one(); p.Protocol != packet.ICMP { // as toLoopback has it
		t.Errorf("%+v", p)
	}
}

func TestAfter(t *testing.T) {
	w := newWire(t)
	called := 0
	w.s.After(time.Second, func() { called++ })
	stop := w.s.After(time.Second, func() { called += 10 })
	w.pass(900 * time.Millisecond)
	if stop(); called != 0 {
		t.Errorf("called before its time: %d", called)
	}
	w.pass(200 * time.Millisecond)
	w.pass(2 * time.Second)
	if called != 1 {
		t.Errorf("%d", called)
	}
}

func TestObserve(t *testing.T) {
	w := newWire(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	called := 0
	stop, err := w.s.Observe(pair[0], func() { called++ })
	if err != nil {
		t.Fatal(err)
	}
	w.settle()
	first := called // it can be written to
	w.settle()
	if first != 1 || called != first {
		t.Errorf("%d, then %d", first, called)
	}
	_, _ = unix.Write(pair[1], []byte("x"))
	w.settle()
	if called != 2 {
		t.Errorf("%d after something came", called)
	}
	places := len(w.s.empty)
	stop()
	_, _ = unix.Write(pair[1], []byte("x"))
	w.settle()
	unix.Close(pair[0])
	if called != 2 || len(w.s.empty) != places+1 {
		t.Errorf("%d after the end", called)
	}
	if _, err := w.s.Observe(-1, func() {}); err == nil {
		t.Error("no descriptor was observed")
	}
}
