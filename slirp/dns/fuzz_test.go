package dns

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// What a container asks is refused, or answered by what is an answer to it.
func FuzzQuestion(f *testing.F) {
	f.Add(message(7, 0x0100, [4]uint16{1}, asks("www.example", A)))
	f.Add(message(7, 0x0120, [4]uint16{1, 0, 0, 1}, asks("www.example", AAAA), []byte{0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0}))
	f.Add(message(7, 0, [4]uint16{1, 1}, asks("5.0.89.10.in-addr.arpa", PTR), rr(pointer, A, 1, addr("10.0.0.1"))))
	f.Add(message(7, 0, [4]uint16{1}, []byte{0xc0, 12, 0, 1, 0, 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q Question
		if ParseQuestion(b, &q) != nil {
			if r, ok := Malformed(nil, b); ok && (len(r) != headerLen || r[0] != b[0] || r[1] != b[1]) {
				t.Errorf("%x", r)
			}
			return
		}
		if len(q.Name) > 4*mostName || strings.ToLower(q.Name) != q.Name {
			t.Errorf("%q", q.Name)
		}
		_, _ = ParseReverse(q.Name)
		r := Reply{Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.IPv6Loopback()}, Name: "db", TTL: time.Second}
		var a Answer
		if err := ParseAnswer(q.Reply(nil, r), &a); err != nil || !q.Same(&a.Question) {
			t.Errorf("%v: %+v, %+v", err, q, a)
		}
	})
}

// What a server answers names no address that is not in it.
func FuzzAnswer(f *testing.F) {
	q := asks("www.example", A)
	f.Add(message(7, 0x8180, [4]uint16{1, 1}, q, rr(pointer, A, 60, addr("192.0.2.1"))))
	f.Add(message(7, 0x8180, [4]uint16{1, 2}, q, rr(pointer, CNAME, 60, wire("b.example")), rr(wire("b.example"), AAAA, 60, addr("2001:db8::1"))))
	f.Add(message(7, 0x8180, [4]uint16{1, 2}, q, rr(pointer, CNAME, 60, pointer), rr([]byte{0xc0, 33}, A, 60, addr("192.0.2.1"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a Answer
		if ParseAnswer(b, &a) != nil {
			return
		}
		if len(a.Addrs) > mostRecords || a.TTL < 0 {
			t.Errorf("%+v", a)
		}
		for _, ip := range a.Addrs {
			raw := ip.AsSlice()
			if !strings.Contains(string(b), string(raw)) {
				t.Errorf("%v is not in %x", ip, b)
			}
		}
	})
}
