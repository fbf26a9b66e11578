package stack

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
)

// datagram sends one from the container.
func (w *wire) datagram(src, dst netip.AddrPort, payload string) {
	w.t.Helper()
	b := make([]byte, packet.UDPLen, packet.UDPLen+len(payload))
	packet.PutUDP(b, src.Port(), dst.Port(), len(payload))
	w.put(packet.From(src.Addr()), packet.From(dst.Addr()), packet.UDP, append(b, payload...))
}

// datagrams returns those that came to the container.
func (w *wire) datagrams() (all []string) {
	w.t.Helper()
	for _, p := range w.take() {
		if p.Protocol != packet.UDP {
			all = append(all, fmt.Sprintf("protocol %d, % x", p.Protocol, p.IP.Payload[:2]))
			continue
		}
		var d packet.Datagram
		if err := packet.ParseUDP(p.IP.Payload, &d); err != nil {
			w.t.Fatal(err)
		}
		each := len(d.Payload)
		if p.virtio.GSO == packet.GSOUDP {
			each = p.virtio.Size
		}
		for b := d.Payload; ; {
			n := min(each, len(b))
			all = append(all, fmt.Sprintf("%s:%d>%d %s", p.Src.Netip(), d.SrcPort, d.DstPort, b[:n]))
			if b = b[n:]; len(b) == 0 {
				break
			}
		}
	}
	return all
}

// echo answers each datagram with itself, twice.
func echo(t *testing.T, network, address string) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(b[:n], from)
			_, _ = pc.WriteTo(b[:n], from)
		}
	}()
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

// eventually repeats until a condition holds: other goroutines have a part in it.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 2000 {
		if holds() {
			return
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	}
	t.Fatal("never: " + what)
}

func TestDatagrams(t *testing.T) {
	for _, c := range []struct {
		network, address string
		guest, peer      netip.Addr
	}{{"udp4", "127.0.0.1:0", guest4, testPeer4}, {"udp6", "[::1]:0", guest6, testPeer6}} {
		w := newWire(t)
		port := echo(t, c.network, c.address).Port()
		to := netip.AddrPortFrom(c.peer, port)
		from := netip.AddrPortFrom(c.guest, 4000)
		// Some of one size, then a shorter one, one of another port, a large one.
		sent := []string{"aaaa", "bbbb", "cccc", "dd", "eeee", strings.Repeat("x", 30000)}
		for _, s := range sent {
			w.datagram(from, to, s)
		}
		w.datagram(netip.AddrPortFrom(c.guest, 4001), to, "other")
		count := make(map[string]int)
		eventually(t, "all came back", func() bool {
			for _, s := range w.datagrams() {
				count[s]++
			}
			return len(count) == 7
		})
		for _, s := range sent {
			if n := count[fmt.Sprintf("%s:%d>4000 %s", c.peer, port, s)]; n == 0 {
				t.Errorf("%.20q did not come back: %.300v", s, count)
			}
		}
		if len(w.s.udp.all) != 2 {
			t.Errorf("%d flows", len(w.s.udp.all))
		}
		w.pass(flowLife + time.Second)
		if len(w.s.udp.all) != 0 {
			t.Errorf("%d flows after their time", len(w.s.udp.all))
		}
	}
}

// TestDatagramSegments sends one packet that stands for several.
func TestDatagramSegments(t *testing.T) {
	w := newWire(t)
	to := netip.AddrPortFrom(testPeer4, echo(t, "udp4", "127.0.0.1:0").Port())
	payload := strings.Repeat("a", 1000) + strings.Repeat("b", 1000) + "c"
	b := make([]byte, packet.VirtioLen+packet.IPv4Len+packet.UDPLen)
	src, dst := packet.From(guest4), packet.From(to.Addr())
	packet.PutVirtio(b, packet.GSOUDP, 1000, packet.IPv4Len, packet.UDPLen, packet.UDPSum)
	packet.PutIPv4(b[packet.VirtioLen:], &src, &dst, packet.UDP, packet.UDPLen+len(payload), 1)
	packet.PutUDP(b[packet.VirtioLen+packet.IPv4Len:], 9, to.Port(), len(payload))
	w.raw(append(b, payload...))
	got := make(map[int]bool)
	eventually(t, "three datagrams", func() bool {
		for _, s := range w.datagrams() {
			_, data, _ := strings.Cut(s, " ")
			got[len(data)*256+int(data[0])] = true
		}
		return got[1000*256+'a'] && got[1000*256+'b'] && got[256+'c']
	})
}

func TestDatagramRefused(t *testing.T) {
	w := newWire(t)
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := pc.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	pc.Close()
	w.datagram(netip.AddrPortFrom(guest4, 7), netip.AddrPortFrom(testPeer4, port), "anybody?")
	var p seen
	eventually(t, "the answer", func() bool {
		all := w.take()
		if len(all) > 0 {
			p = all[0]
		}
		return len(all) > 0
	})
	var quote packet.IP
	if p.Protocol != packet.ICMP || p.IP.Payload[0] != unreachable4 || p.IP.Payload[1] != 3 {
		t.Fatalf("%+v", p.IP)
	}
	if err := packet.ParseIP(p.IP.Payload[packet.ICMPLen:], &quote); err != nil {
		t.Fatal(err)
	}
	var d packet.Datagram
	if err := packet.ParseUDP(quote.Payload, &d); err != nil || d.SrcPort != 7 || d.DstPort != port || quote.Dst != packet.From(testPeer4) {
		t.Errorf("quote %+v of %+v, %v", d, quote, err)
	}
}

func TestDatagramProhibited(t *testing.T) {
	w := newWire(t)
	w.datagram(netip.AddrPortFrom(guest4, 7), netip.MustParseAddrPort("203.0.113.9:9"), "no")
	if p := w.one(); p.Protocol != packet.ICMP || p.IP.Payload[1] != 13 {
		t.Errorf("%+v", p.IP)
	}
	// To everybody, to nobody, from nobody.
	for _, c := range [][2]string{{"10.0.2.100:7", "224.0.0.251:5353"}, {"10.0.2.100:7", "255.255.255.255:67"}, {"10.0.2.100:0", "198.51.100.7:9"}, {"0.0.0.0:68", "198.51.100.7:67"}} {
		w.datagram(netip.MustParseAddrPort(c[0]), netip.MustParseAddrPort(c[1]), "x")
	}
	w.none()
}

// TestFlowsBounded: a container that sends from each of its ports has the oldest
// flows forgotten.
func TestFlowsBounded(t *testing.T) {
	w := newWire(t)
	to := netip.AddrPortFrom(testPeer4, echo(t, "udp4", "127.0.0.1:0").Port())
	for port := range mostFlows + 50 {
		w.datagram(netip.AddrPortFrom(guest4, uint16(1000+port)), to, "x")
		if port%50 == 0 {
			w.take()
		}
	}
	w.take()
	if n := len(w.s.udp.all); n != mostFlows {
		t.Errorf("%d flows", n)
	}
	if w.s.udp.all[flowKey{guest: packet.From(guest4), guestPort: 1000, peer: packet.From(testPeer4), peerPort: to.Port()}] != nil {
		t.Error("the oldest is there")
	}
}

func (w *wire) fragment(id uint16, payload []byte, from, to int, more bool) {
	b := make([]byte, packet.VirtioLen+packet.IPv4Len)
	src, dst := packet.From(guest4), packet.From(testPeer4)
	packet.PutIPv4(b[packet.VirtioLen:], &src, &dst, packet.UDP, to-from, id)
	at := uint16(from / 8)
	if more {
		at |= 0x2000
	}
	ip := b[packet.VirtioLen:]
	binary.BigEndian.PutUint16(ip[6:], at)
	ip[10], ip[11] = 0, 0
	binary.BigEndian.PutUint16(ip[10:], packet.Checksum(ip, 0))
	w.raw(append(b, payload[from:to]...))
}

func TestFragments(t *testing.T) {
	w := newWire(t)
	to := netip.AddrPortFrom(testPeer4, echo(t, "udp4", "127.0.0.1:0").Port())
	src, dst := packet.From(guest4), packet.From(testPeer4)
	text := strings.Repeat("fragment", 1000)
	whole := append(make([]byte, packet.UDPLen), text...)
	packet.PutUDP(whole, 99, to.Port(), len(text))
	binary.BigEndian.PutUint16(whole[packet.UDPSum:], packet.Checksum(whole, packet.Pseudo(&src, &dst, packet.UDP, len(whole))))
	answered := func() (n int) {
		for range 20 {
			n += len(w.datagrams())
			unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
		}
		return n
	}
	send := func(id uint16, pieces ...[2]int) {
		for _, p := range pieces {
			w.fragment(id, whole, p[0], p[1], p[1] < len(whole))
		}
		w.settle()
	}
	end := len(whole)
	send(1, [2]int{1480, 2960}, [2]int{2960, end}, [2]int{0, 1480})
	eventually(t, "an answer", func() bool { return len(w.datagrams()) > 0 })
	answered()
	for name, pieces := range map[string][][2]int{
		"overlap":        {{0, 1480}, {1472, 2960}, {2960, end}},
		"two ends":       {{1480, end}, {2960, end}, {0, 1480}},
		"one is missing": {{0, 1480}, {2960, end}},
	} {
		send(uint16(len(name)), pieces...)
		if n := answered(); n > 0 {
			t.Errorf("%s: %d answers", name, n)
		}
	}
	send(50, [2]int{0, 1480}, [2]int{0, 1480}, [2]int{1480, end}) // one came twice
	eventually(t, "an answer", func() bool { return len(w.datagrams()) > 0 })
	answered()
	// Too many at once, and too late.
	for id := range uint16(100) {
		send(100+id, [2]int{0, 1480})
	}
	send(100, [2]int{1480, end})
	send(199, [2]int{1480, end})
	eventually(t, "an answer", func() bool { return len(w.datagrams()) > 0 })
	send(300, [2]int{0, 1480})
	w.pass(fragmentLife + time.Second)
	send(300, [2]int{1480, end})
	if n := answered(); n > 1 {
		t.Errorf("%d answers to what came too late", n)
	}
}

func TestPing(t *testing.T) {
	w := newWire(t)
	request := func(dst netip.Addr) {
		b := append([]byte{echoRequest4, 0, 0, 0, 0x12, 0x34, 0, 9}, "payload"...)
		binary.BigEndian.PutUint16(b[2:], packet.Checksum(b, 0))
		w.put(packet.From(guest4), packet.From(dst), packet.ICMP, b)
	}
	check := func(p seen, from netip.Addr) {
		t.Helper()
		b := p.IP.Payload
		if p.Protocol != packet.ICMP || p.Src != packet.From(from) || b[0] != echoReply4 || string(b[4:]) != "\x12\x34\x00\x09payload" {
			t.Errorf("%+v", p.IP)
		}
		if err := packet.CheckTransport(&p.IP); err != nil {
			t.Error(err)
		}
	}
	request(gateway4)
	check(w.one(), gateway4)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		request(testPeer4)
		if p := w.one(); p.IP.Payload[0] != unreachable4 || p.IP.Payload[1] != 13 {
			t.Errorf("without permission: %+v", p.IP)
		}
		return
	}
	unix.Close(fd)
	request(testPeer4)
	var p seen
	eventually(t, "the answer", func() bool {
		all := w.take()
		if len(all) > 0 {
			p = all[0]
		}
		return len(all) > 0
	})
	check(p, netip.MustParseAddr("127.0.0.1"))
	w.pass(pingLife + time.Second)
	if len(w.s.pings.all) != 0 {
		t.Error("the socket is kept")
	}
}

// FuzzLink has the stack read anything.
func FuzzLink(f *testing.F) {
	src, dst := packet.From(guest4), packet.From(testPeer4)
	for _, flags := range []uint8{packet.SYN, packet.ACK, packet.FIN | packet.ACK, packet.RST} {
		b := make([]byte, packet.VirtioLen+packet.IPv4Len+packet.TCPLen)
		packet.PutVirtio(b, 0, 0, 20, 20, 16)
		packet.PutIPv4(b[packet.VirtioLen:], &src, &dst, packet.TCP, packet.TCPLen, 1)
		packet.PutTCP(b[packet.VirtioLen+packet.IPv4Len:], &packet.Segment{SrcPort: 9, DstPort: 1, Flags: flags}, 0)
		f.Add(append([]byte{byte(len(b))}, b...))
	}
	b := make([]byte, packet.VirtioLen+packet.IPv4Len+packet.UDPLen)
	packet.PutIPv4(b[packet.VirtioLen:], &src, &dst, packet.UDP, packet.UDPLen, 1)
	packet.PutUDP(b[packet.VirtioLen+packet.IPv4Len:], 1, 1, 0)
	f.Add(append([]byte{byte(len(b))}, b...))
	f.Fuzz(func(t *testing.T, b []byte) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[1])
		s, err := New(Config{Link: pair[0], Network: Network{MTU: 1500, Gateway4: gateway4, Gateway6: gateway6}, Route: func(_ uint8, to netip.AddrPort) (netip.AddrPort, Verdict) {
			// Nothing of what a fuzzer makes up may reach anybody.
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 1), Verdict(to.Port() % 4)
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.end()
		for len(b) > 0 { // several packets: a byte says how long the next is
			n := min(int(b[0])+1, len(b))
			_ = s.link.take(b[1:n])
			b = b[n:]
		}
		if err := s.step(0); err != nil {
			t.Fatal(err)
		}
	})
}
