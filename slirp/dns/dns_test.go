package dns

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// message is one as it is sent: a header, a question, and what follows.
func message(id, flags uint16, counts [4]uint16, parts ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = binary.BigEndian.AppendUint16(b, flags)
	for _, n := range counts {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return append(b, slices.Concat(parts...)...)
}

func wire(name string) []byte {
	if name == "" {
		return []byte{0}
	}
	var b []byte
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}

func asks(name string, kind Type) []byte {
	return append(wire(name), byte(kind>>8), byte(kind), 0, 1)
}

func rr(owner []byte, kind Type, ttl uint32, data []byte) []byte {
	b := append(slices.Clone(owner), byte(kind>>8), byte(kind), 0, 1)
	b = binary.BigEndian.AppendUint32(b, ttl)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

func addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

var pointer = []byte{0xc0, 12} // to the question's name

func TestParseQuestion(t *testing.T) {
	ednsDO := []byte{0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0}
	q := Question{}
	if err := ParseQuestion(message(7, 0x0110, [4]uint16{1, 0, 0, 1}, asks("WWW.Example.ORG", AAAA), ednsDO), &q); err != nil {
		t.Fatal(err)
	}
	if q.ID != 7 || q.Name != "www.example.org" || q.Type != AAAA || !q.Internet || !q.Query || !q.edns || !q.do {
		t.Errorf("%+v", q)
	}
	for what, b := range map[string][]byte{
		"root":                  message(1, 0, [4]uint16{1}, asks("", A)),
		"service":               message(1, 0, [4]uint16{1}, asks("_http._tcp.example", 33)),
		"longest label":         message(1, 0, [4]uint16{1}, asks(strings.Repeat("a", 63)+".b", A)),
		"longest name":          message(1, 0, [4]uint16{1}, asks(strings.Repeat("a.", 126)+"b", A)),
		"padding behind":        message(1, 0, [4]uint16{1}, asks("a", A), make([]byte, 40)),
		"a transaction's parts": message(1, 0, [4]uint16{1, 0, 1, 1}, asks("a", A), rr(pointer, 6, 0, nil), ednsDO),
	} {
		if err := ParseQuestion(b, &q); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, b := range map[string][]byte{
		"nothing":             nil,
		"half a header":       make([]byte, 11),
		"no question":         message(1, 0, [4]uint16{}),
		"two questions":       message(1, 0, [4]uint16{2}, asks("a", A), asks("b", A)),
		"an answer":           message(1, 0x8000, [4]uint16{1}, asks("a", A)),
		"no name":             message(1, 0, [4]uint16{1}),
		"name without an end": message(1, 0, [4]uint16{1}, []byte{1, 'a'}),
		"label too long":      message(1, 0, [4]uint16{1}, append([]byte{64}, make([]byte, 80)...)),
		"label cut off":       message(1, 0, [4]uint16{1}, []byte{9, 'a', 'b'}),
		"name too long":       message(1, 0, [4]uint16{1}, asks(strings.Repeat("a.", 127)+"b", A)),
		"no type":             message(1, 0, [4]uint16{1}, wire("a"), []byte{0, 1}),
		"pointer to itself":   message(1, 0, [4]uint16{1}, []byte{0xc0, 12, 0, 1, 0, 1}),
		"pointer ahead":       message(1, 0, [4]uint16{1}, []byte{0xc0, 40, 0, 1, 0, 1}),
		"pointer to header":   message(1, 0, [4]uint16{1}, []byte{0xc0, 0, 0, 1, 0, 1}),
		"half a pointer":      message(1, 0, [4]uint16{1}, []byte{0xc0}),
		"missing record":      message(1, 0, [4]uint16{1, 0, 0, 1}, asks("a", A)),
		"record cut off":      message(1, 0, [4]uint16{1, 0, 0, 1}, asks("a", A), []byte{0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 9}),
	} {
		if err := ParseQuestion(b, &q); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %+v", what, err, q)
		}
	}
	if err := ParseQuestion(message(1, 0x2800, [4]uint16{1}, asks("a", A)), &q); err != nil || q.Query {
		t.Errorf("an update: %v, %+v", err, q)
	}
}

// Two names that are not the same never look the same.
func TestNameText(t *testing.T) {
	for text, b := range map[string]string{
		`a\046b.example`:  "\x03a.b\x07example\x00",
		`a.b.example`:     "\x01a\x01b\x07example\x00",
		`a\092046b`:       "\x06a\\046b\x00",
		`abc\195\169.org`: "\x05aBC\xc3\xa9\x03ORG\x00",
	} {
		name, end, err := readName(append(make([]byte, headerLen), b...), headerLen)
		if err != nil || name != text || end != headerLen+len(b) {
			t.Errorf("%q: %q, %d, %v", b, name, end, err)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	q := asks("www.example", A)
	alias := func(owner, target string, ttl uint32) []byte { return rr(wire(owner), CNAME, ttl, wire(target)) }
	for _, c := range []struct {
		what  string
		n     uint16
		parts []byte
		want  string
		ttl   time.Duration
	}{
		{"one", 1, rr(pointer, A, 60, addr("192.0.2.1")), "192.0.2.1", time.Minute},
		{"two", 2, slices.Concat(rr(pointer, A, 60, addr("192.0.2.1")), rr(pointer, A, 30, addr("192.0.2.2"))), "192.0.2.1 192.0.2.2", 30 * time.Second},
		{"of another name", 1, rr(wire("evil.example"), A, 60, addr("192.0.2.1")), "", 0},
		{"in other letters", 1, rr(wire("WWW.example"), A, 60, addr("192.0.2.1")), "192.0.2.1", time.Minute},
		{"alias", 2, slices.Concat(alias("www.example", "cdn.example", 20), rr(wire("cdn.example"), A, 60, addr("192.0.2.1"))), "192.0.2.1", 20 * time.Second},
		{"aliases, in any order", 3, slices.Concat(rr(wire("c.example"), A, 60, addr("192.0.2.1")), alias("b.example", "c.example", 9), alias("www.example", "b.example", 20)), "192.0.2.1", 9 * time.Second},
		{"aliases in a circle", 2, slices.Concat(alias("www.example", "b.example", 9), alias("b.example", "www.example", 9)), "", 9 * time.Second},
		{"alias to elsewhere", 2, slices.Concat(alias("www.example", "b.example", 9), rr(wire("c.example"), A, 60, addr("192.0.2.1"))), "", 9 * time.Second},
		{"of a wrong size", 1, rr(pointer, A, 60, addr("2001:db8::1")), "", 0},
		{"IPv6", 1, rr(pointer, AAAA, 60, addr("2001:db8::1")), "2001:db8::1", time.Minute},
		{"mapped", 1, rr(pointer, AAAA, 60, addr("::ffff:10.0.0.1")), "10.0.0.1", time.Minute},
		{"negative time", 1, rr(pointer, A, 1<<31, addr("192.0.2.1")), "192.0.2.1", 0},
		{"nothing", 0, nil, "", 0},
		{"more than is said", 0, rr(pointer, A, 60, addr("192.0.2.1")), "", 0},
	} {
		var a Answer
		err := ParseAnswer(message(7, 0x8180, [4]uint16{1, c.n}, q, c.parts), &a)
		var got []string
		for _, ip := range a.Addrs {
			got = append(got, ip.String())
		}
		if err != nil || strings.Join(got, " ") != c.want || c.want != "" && a.TTL != c.ttl || a.ID != 7 || a.Name != "www.example" {
			t.Errorf("%s: %v, %+v", c.what, err, a)
		}
	}
	for what, b := range map[string][]byte{
		"a question":           message(7, 0x0100, [4]uint16{1}, q),
		"record cut off":       message(7, 0x8180, [4]uint16{1, 1}, q, rr(pointer, A, 60, addr("192.0.2.1"))[:14]),
		"alias without a name": message(7, 0x8180, [4]uint16{1, 1}, q, rr(pointer, CNAME, 60, []byte{63})),
		"fewer than are said":  message(7, 0x8180, [4]uint16{1, 2}, q, rr(pointer, A, 60, addr("192.0.2.1"))),
	} {
		if err := ParseAnswer(b, new(Answer)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	var a Answer
	if err := ParseAnswer(message(7, 0x8380, [4]uint16{1, 2}, q, rr(pointer, A, 60, addr("192.0.2.1"))), &a); err != nil || len(a.Addrs) != 1 {
		t.Errorf("truncated: %v, %+v", err, a)
	}
	var asked Question
	if err := ParseQuestion(message(7, 0x0100, [4]uint16{1}, q), &asked); err != nil {
		t.Fatal(err)
	}
	if err := ParseAnswer(message(7, 0x8181, [4]uint16{}), &a); err != nil || !a.Bare || a.Code != FormatError || !a.To(&asked) || len(a.Addrs) > 0 {
		t.Errorf("not understood: %v, %+v", err, a)
	}
	if err := ParseAnswer(message(8, 0x8181, [4]uint16{}), &a); err != nil || a.To(&asked) {
		t.Errorf("of another exchange: %v, %+v", err, a)
	}
	if err := ParseAnswer(message(7, 0x8180, [4]uint16{}), &a); err == nil {
		t.Errorf("an answer to nothing: %+v", a)
	}
	if err := ParseAnswer(message(7, 0x8183, [4]uint16{1}, q), &a); err != nil || a.Code != NameError {
		t.Errorf("no such name: %v, %+v", err, a)
	}
}

func TestReply(t *testing.T) {
	list := []netip.Addr{netip.MustParseAddr("10.89.0.2"), netip.MustParseAddr("fd00::2"), netip.MustParseAddr("10.89.0.3")}
	edns := []byte{0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0}
	for _, c := range []struct {
		name  string
		kind  Type
		reply Reply
		code  Code
		want  string
	}{
		{"DB", A, Reply{Addrs: list, TTL: 5 * time.Second}, Success, "10.89.0.2 10.89.0.3"},
		{"db", AAAA, Reply{Addrs: list, TTL: 5 * time.Second}, Success, "fd00::2"},
		{"db", AAAA, Reply{Addrs: list[:1]}, Success, ""}, // and not: no such name
		{"db", 15, Reply{Addrs: list}, Success, ""},
		{"db", A, Reply{Code: NameError}, NameError, ""},
		{"db", A, Reply{Code: Refused}, Refused, ""},
	} {
		for _, extra := range [][]byte{nil, edns} {
			var q Question
			if err := ParseQuestion(message(7, 0x0110, [4]uint16{1, 0, 0, uint16(min(len(extra), 1))}, asks(c.name, c.kind), extra), &q); err != nil {
				t.Fatal(err)
			}
			b := q.Reply([]byte("before"), c.reply)[len("before"):]
			if !strings.Contains(string(b), c.name) { // as it was asked, letter by letter
				t.Errorf("%q does not hold %s", b, c.name)
			}
			if b[2]&0x81 != 0x81 || b[3]&0x90 != 0x90 {
				t.Errorf("flags %x", b[2:4])
			}
			var a Answer
			if err := ParseAnswer(b, &a); err != nil || a.Code != c.code || !q.Same(&a.Question) {
				t.Errorf("%s %d: %v, %+v", c.name, c.kind, err, a)
			}
			var got []string
			for _, ip := range a.Addrs {
				got = append(got, ip.String())
			}
			if strings.Join(got, " ") != c.want || len(got) > 0 && a.TTL != c.reply.TTL {
				t.Errorf("%s %d: %q, %v", c.name, c.kind, got, a.TTL)
			}
			if has := strings.HasSuffix(string(b), "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00") && b[11] == 1; has != (extra != nil) {
				t.Errorf("EDNS: %x", b)
			}
		}
	}
}

// The longest reply fits into what everybody takes.
func TestReplySize(t *testing.T) {
	var q Question
	edns := []byte{0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0}
	if err := ParseQuestion(message(1, 0, [4]uint16{1, 0, 0, 1}, asks(strings.Repeat("a.", 126)+"b", AAAA), edns), &q); err != nil {
		t.Fatal(err)
	}
	var list []netip.Addr
	for range 100 {
		list = append(list, netip.IPv6Loopback())
	}
	if b := q.Reply(nil, Reply{Addrs: list}); len(b) > 512 || b[7] != mostAddrs {
		t.Errorf("%d bytes, %d records", len(b), b[7])
	}
}

func TestPointerReply(t *testing.T) {
	var q Question
	if err := ParseQuestion(message(1, 0, [4]uint16{1}, asks("5.0.89.10.in-addr.arpa", PTR)), &q); err != nil {
		t.Fatal(err)
	}
	b := q.Reply(nil, Reply{Name: "db", TTL: time.Second})
	if !strings.HasSuffix(string(b), "\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x01\x00\x04\x02db\x00") || b[7] != 1 {
		t.Errorf("%q", b)
	}
	if b := q.Reply(nil, Reply{Name: strings.Repeat("a", 64)}); b[7] != 0 {
		t.Errorf("a name that is none: %q", b)
	}
}

func TestMalformed(t *testing.T) {
	if b, ok := Malformed(nil, message(7, 0x0100, [4]uint16{9})); !ok || string(b) != "\x00\x07\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("%x, %v", b, ok)
	}
	for _, m := range [][]byte{nil, make([]byte, 11), message(7, 0x8000, [4]uint16{1})} {
		if b, ok := Malformed(nil, m); ok || len(b) > 0 {
			t.Errorf("%x is answered by %x", m, b)
		}
	}
}

func TestParseReverse(t *testing.T) {
	for name, want := range map[string]string{
		"5.0.89.10.in-addr.arpa":     "10.89.0.5",
		"0.0.0.0.in-addr.arpa":       "0.0.0.0",
		"05.0.89.10.in-addr.arpa":    "",
		"256.0.89.10.in-addr.arpa":   "",
		"0.89.10.in-addr.arpa":       "",
		"1.5.0.89.10.in-addr.arpa":   "",
		"5.0.89.10.in-addr.arpa.org": "",
		"in-addr.arpa":               "",
		"b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": "2001:db8::567:89ab",
		"g.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": "",
		"a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa":   "",
		"bba.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": "",
		"www.example": "",
	} {
		a, ok := ParseReverse(name)
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%s: %v, %v", name, a, ok)
		}
	}
}
