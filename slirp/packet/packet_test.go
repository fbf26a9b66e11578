package packet

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
)

var (
	a4, b4 = From(netip.MustParseAddr("192.0.2.1")), From(netip.MustParseAddr("198.51.100.2"))
	a6, b6 = From(netip.MustParseAddr("2001:db8::1")), From(netip.MustParseAddr("2001:db8::2"))
)

func TestAddr(t *testing.T) {
	if !a4.Is4() || a6.Is4() {
		t.Error("families")
	}
	if a4.Netip().String() != "192.0.2.1" || a6.Netip().String() != "2001:db8::1" {
		t.Error(a4.Netip(), a6.Netip())
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct{ src, dst Addr }{{a4, b4}, {a6, b6}} {
		b := make([]byte, 200)
		payload := []byte("twelve bytes")
		n := PutIP(b, &c.src, &c.dst, UDP, len(payload), 77)
		copy(b[n:], payload)
		var h IP
		if err := ParseIP(b[:n+len(payload)], &h); err != nil {
			t.Fatal(err)
		}
		if h.Src != c.src || h.Dst != c.dst || h.Protocol != UDP || !bytes.Equal(h.Payload, payload) || h.Fragment || h.V6 == c.src.Is4() {
			t.Errorf("%+v", h)
		}
		// What stands behind the packet is not of it.
		if err := ParseIP(b, &h); err != nil || len(h.Payload) != len(payload) {
			t.Errorf("with padding: %d bytes, %v", len(h.Payload), err)
		}
		if err := ParseIP(b[:n+len(payload)-1], &h); !errors.Is(err, ErrShort) {
			t.Errorf("cut off: %v", err)
		}
	}
}

func TestParseIP(t *testing.T) {
	v4 := func(change func(b []byte)) []byte {
		b := make([]byte, IPv4Len+8)
		PutIPv4(b, &a4, &b4, UDP, 8, 1)
		change(b)
		b[10], b[11] = 0, 0
		sum := Checksum(b[:min(len(b), int(b[0]&15)*4)], 0)
		b[10], b[11] = byte(sum>>8), byte(sum)
		return b
	}
	v6 := func(protocol uint8, rest ...byte) []byte {
		b := make([]byte, IPv6Len, IPv6Len+len(rest))
		PutIPv6(b, &a6, &b6, protocol, len(rest))
		return append(b, rest...)
	}
	tests := []struct {
		name string
		b    []byte
		want error
		has  IP
	}{
		{name: "nothing", want: ErrShort},
		{name: "version 5", b: []byte{0x50}, want: ErrHeader},
		{name: "half a header", b: []byte{0x45, 0, 0, 20}, want: ErrShort},
		{name: "header of 16 bytes", b: v4(func(b []byte) { b[0] = 0x44 }), want: ErrHeader},
		{name: "header beyond the packet", b: v4(func(b []byte) { b[0] = 0x4f }), want: ErrHeader},
		{name: "shorter than its header", b: v4(func(b []byte) { b[3] = 19 }), want: ErrHeader},
		{name: "options", b: v4(func(b []byte) { b[0] = 0x46 }), has: IP{Src: a4, Dst: b4, Protocol: UDP, Payload: make([]byte, 4), ID: 1}},
		{name: "fragment", b: v4(func(b []byte) { b[6], b[7] = 0x20, 3 }), has: IP{Src: a4, Dst: b4, Protocol: UDP, Payload: make([]byte, 8), ID: 1, Fragment: true, More: true, Offset: 24}},
		{name: "IPv6 cut off", b: v6(UDP)[:30], want: ErrShort},
		{name: "IPv6 extensions", b: v6(0, 60, 0, 0, 0, 0, 0, 0, 0, UDP, 0, 0, 0, 0, 0, 0, 0, 'x'), has: IP{V6: true, Src: a6, Dst: b6, Protocol: UDP, Payload: []byte("x")}},
		{name: "IPv6 extension too long", b: v6(0, UDP, 5, 0, 0, 0, 0, 0, 0), want: ErrShort},
		{name: "IPv6 half an extension", b: v6(60, UDP, 0), want: ErrShort},
		{name: "IPv6 fragment", b: v6(44, UDP, 0, 0, 17, 0, 0, 0, 9, 'x'), has: IP{V6: true, Src: a6, Dst: b6, Protocol: UDP, Payload: []byte("x"), Fragment: true, More: true, Offset: 16, ID: 9}},
		{name: "IPv6 fragment of everything", b: v6(44, UDP, 0, 0, 0, 0, 0, 0, 9, 'x'), has: IP{V6: true, Src: a6, Dst: b6, Protocol: UDP, Payload: []byte("x"), ID: 9}},
		{name: "IPv6 endless extensions", b: v6(60, bytes.Repeat([]byte{60, 0, 0, 0, 0, 0, 0, 0}, 20)...), want: ErrHeader},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			var h IP
			err := ParseIP(c.b, &h)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if !bytes.Equal(h.Payload, c.has.Payload) {
				t.Errorf("payload % x", h.Payload)
			}
			h.Payload, c.has.Payload = nil, nil
			if h.Src != c.has.Src || h.Dst != c.has.Dst || h.Protocol != c.has.Protocol || h.V6 != c.has.V6 || h.Fragment != c.has.Fragment ||
				h.More != c.has.More || h.Offset != c.has.Offset || h.ID != c.has.ID {
				t.Errorf("%+v", h)
			}
		})
	}
	b := v4(func([]byte) {})
	b[10]++
	if err := ParseIP(b, new(IP)); !errors.Is(err, ErrChecksum) {
		t.Errorf("wrong checksum: %v", err)
	}
}

// TestChecksum holds the sum against the sentence of RFC 1071.
func TestChecksum(t *testing.T) {
	slow := func(b []byte) uint16 {
		var sum uint32
		for i := 0; i < len(b); i += 2 {
			word := uint32(b[i]) << 8
			if i+1 < len(b) {
				word |= uint32(b[i+1])
			}
			sum += word
			sum = sum>>16 + sum&0xffff
		}
		return ^uint16(sum)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
			if n%3 == 0 {
				b[i] = 0xff
			}
		}
		if got, want := Checksum(b, 0), slow(b); got != want {
			t.Fatalf("%d bytes: %04x, want %04x", n, got, want)
		}
		cut := n / 2 &^ 1
		if got, want := Checksum(b[cut:], Sum(b[:cut], 0)), slow(b); got != want {
			t.Fatalf("%d bytes in two pieces: %04x, want %04x", n, got, want)
		}
	}
}

func TestSegment(t *testing.T) {
	b := make([]byte, TCPLen+16)
	n := PutSyn(b[TCPLen:], SynOptions{MSS: 1460, Scale: 7, SACKPermitted: true})
	want := Segment{SrcPort: 1, DstPort: 2, Seq: 3, Ack: 4, Flags: SYN | ACK, Window: 5}
	PutTCP(b, &want, n)
	b = append(b[:TCPLen+n], "data"...)
	var s Segment
	if err := ParseTCP(b, &s); err != nil {
		t.Fatal(err)
	}
	if s.SrcPort != 1 || s.DstPort != 2 || s.Seq != 3 || s.Ack != 4 || s.Flags != SYN|ACK || s.Window != 5 || string(s.Payload) != "data" || s.Len() != 5 {
		t.Errorf("%+v", s)
	}
	if o := ParseSyn(s.Options); o != (SynOptions{MSS: 1460, Scale: 7, SACKPermitted: true}) {
		t.Errorf("%+v", o)
	}
	for cut := range TCPLen {
		if err := ParseTCP(b[:cut], &s); !errors.Is(err, ErrShort) {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
	b[12] = 4 << 4
	if err := ParseTCP(b, &s); !errors.Is(err, ErrHeader) {
		t.Errorf("a header of 16 bytes: %v", err)
	}
	b[12] = 15 << 4
	if err := ParseTCP(b, &s); !errors.Is(err, ErrShort) {
		t.Errorf("options beyond the end: %v", err)
	}
}

func TestSynOptions(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want SynOptions
	}{
		{nil, SynOptions{Scale: -1}},
		{[]byte{1, 1, 0, 2, 4, 1, 1}, SynOptions{Scale: -1}}, // behind the end
		{[]byte{2, 4, 1}, SynOptions{Scale: -1}},             // cut off
		{[]byte{2, 0, 1, 1}, SynOptions{Scale: -1}},          // of no length
		{[]byte{2, 3, 9, 3, 3, 200}, SynOptions{Scale: 14}},  // an MSS of one byte, a scale that nobody may have
		{[]byte{8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 4, 2}, SynOptions{Scale: -1, SACKPermitted: true}},
	} {
		if got := ParseSyn(c.b); got != c.want {
			t.Errorf("% x: %+v", c.b, got)
		}
	}
}

func TestDatagram(t *testing.T) {
	b := append(make([]byte, UDPLen), "four"...)
	PutUDP(b, 53, 1234, 4)
	var d Datagram
	if err := ParseUDP(b, &d); err != nil || d.SrcPort != 53 || d.DstPort != 1234 || string(d.Payload) != "four" {
		t.Errorf("%+v, %v", d, err)
	}
	for _, c := range []struct {
		length byte
		want   error
	}{{7, ErrHeader}, {13, ErrShort}, {0, nil}, {8, nil}} {
		b[5] = c.length
		if err := ParseUDP(b, &d); !errors.Is(err, c.want) {
			t.Errorf("length %d: %v", c.length, err)
		}
	}
	if err := ParseUDP(b[:7], &d); !errors.Is(err, ErrShort) {
		t.Errorf("7 bytes: %v", err)
	}
}

func TestVirtio(t *testing.T) {
	b := make([]byte, VirtioLen)
	PutVirtio(b, GSOTCPv4, 1460, 20, 20, TCPSum)
	var v Virtio
	if err := ParseVirtio(b, &v); err != nil || v != (Virtio{Trusted: true, GSO: GSOTCPv4, Size: 1460}) {
		t.Errorf("%+v, %v", v, err)
	}
	PutVirtio(b, GSOTCPv4, 0, 20, 20, TCPSum)
	if _ = ParseVirtio(b, &v); v.GSO != GSONone {
		t.Errorf("of one segment: %+v", v)
	}
	if err := ParseVirtio(b[:9], &v); !errors.Is(err, ErrShort) {
		t.Errorf("9 bytes: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	b := make([]byte, IPv4Len+TCPLen)
	PutIPv4(b, &a4, &b4, TCP, TCPLen, 1)
	PutTCP(b[IPv4Len:], &Segment{Flags: SYN}, 0)
	f.Add(b)
	b = make([]byte, IPv6Len+UDPLen)
	PutIPv6(b, &a6, &b6, UDP, UDPLen)
	PutUDP(b[IPv6Len:], 1, 2, 0)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var h IP
		if ParseIP(b, &h) != nil {
			return
		}
		if len(h.Payload) > len(b) || h.Offset < 0 || h.Offset > 65535 {
			t.Errorf("%+v", h)
		}
		_ = CheckTransport(&h)
		var s Segment
		if ParseTCP(h.Payload, &s) == nil {
			if o := ParseSyn(s.Options); o.Scale > MaxScale {
				t.Errorf("%+v", o)
			}
		}
		_ = ParseUDP(h.Payload, new(Datagram))
	})
}
