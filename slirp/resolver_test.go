package slirp

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"coracle/slirp/dns"
)

// asks is a question as a container sends it.
func asks(id uint16, name string, kind dns.Type) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = append(b, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0, byte(kind>>8), byte(kind), 0, 1)
}

func parsed(t *testing.T, name string, kind dns.Type) *dns.Question {
	t.Helper()
	q := new(dns.Question)
	if err := dns.ParseQuestion(asks(1, name, kind), q); err != nil {
		t.Fatal(err)
	}
	return q
}

// withHooks is a resolver that knows two containers, without a stack.
func withHooks(t *testing.T, o Options) (*resolver, *record) {
	t.Helper()
	seen := new(record)
	g, err := newGate(o.Egress, seen.note)
	if err != nil {
		t.Fatal(err)
	}
	g.host = &hostAddresses{}
	db := []netip.Addr{netip.MustParseAddr("10.0.2.50"), netip.MustParseAddr("fd00::50"), netip.MustParseAddr("10.0.2.51")}
	hooks := Hooks{
		Lookup: func(name string) ([]netip.Addr, bool) {
			switch name {
			case "db", "db.alias":
				return db, true
			case "old":
				return db[:1], true
			}
			return nil, false
		},
		Reverse: func(a netip.Addr) (string, bool) { return "db", a == db[0] || a == db[1] },
	}
	return newResolver(&router{Options: o, hooks: hooks, plan: o.Plan(), host: g.host, gate: g}, "/nowhere"), seen
}

func TestJudge(t *testing.T) {
	const pass = dns.Code(255)
	free, named, none, inside := Defaults(), Defaults(), Defaults(), Defaults()
	named.Egress, none.Egress = []string{"www.example"}, []string{"none"}
	inside.At(Place{Address4: netip.MustParsePrefix("10.0.2.100/24"), Gateway4: netip.MustParseAddr("10.0.2.2"), Internal: true})
	for _, c := range []struct {
		name                      string
		kind                      dns.Type
		free, named, none, inside dns.Code
		want                      string
	}{
		{"DB", dns.A, 0, 0, 0, 0, "10.0.2.50 10.0.2.51"},
		{"db.dns.coracle", dns.A, 0, 0, 0, 0, "10.0.2.50 10.0.2.51"},
		{"db.DNS.coracle", dns.AAAA, 0, 0, 0, 0, "fd00::50"},
		{"db.alias", dns.AAAA, 0, 0, 0, 0, "fd00::50"},
		{"old", dns.AAAA, 0, 0, 0, 0, ""},
		{"old", 15, 0, 0, 0, 0, ""},
		{"dns.coracle", dns.A, 0, 0, 0, 0, ""},
		{"gone.dns.coracle", dns.A, dns.NameError, dns.NameError, dns.NameError, dns.NameError, ""},
		{"50.2.0.10.in-addr.arpa", dns.PTR, 0, 0, 0, 0, "db"},
		{"2.2.0.10.in-addr.arpa", dns.PTR, 0, 0, 0, 0, "host.containers.internal"},
		{"9.2.0.10.in-addr.arpa", dns.PTR, dns.NameError, dns.NameError, dns.NameError, dns.NameError, ""},
		{"9.9.0.10.in-addr.arpa", dns.PTR, pass, dns.Refused, dns.Refused, dns.Refused, ""},
		{"host.containers.internal", dns.A, 0, 0, 0, dns.Refused, "10.0.2.2"},
		{"host.docker.internal", dns.AAAA, 0, 0, 0, dns.Refused, ""},
		{"gateway.docker.internal", dns.A, 0, 0, 0, dns.Refused, "10.0.2.2"},
		{"www.example", dns.A, pass, pass, dns.Refused, dns.Refused, ""},
		{"a.www.example", dns.A, pass, dns.Refused, dns.Refused, dns.Refused, ""},
		{"www.example.corp.example", dns.A, pass, dns.NameError, dns.Refused, dns.Refused, ""},
		{"db.corp.example", dns.A, pass, dns.NameError, dns.NameError, dns.NameError, ""},
		{"db.alias.corp.example", dns.A, pass, dns.NameError, dns.NameError, dns.NameError, ""},
		{"host.docker.internal.corp.example", dns.A, pass, dns.NameError, dns.NameError, dns.NameError, ""},
		{"a.b.c.d.e.f.g.h.i.j.example", dns.A, pass, dns.Refused, dns.Refused, dns.Refused, ""},
	} {
		for i, o := range []Options{free, named, none, inside} {
			r, seen := withHooks(t, o)
			want := []dns.Code{c.free, c.named, c.none, c.inside}[i]
			q := parsed(t, c.name, c.kind)
			reply, passed := r.judge(q)
			if passed != (want == pass) || !passed && reply.Code != want {
				t.Errorf("%s %d (%d): %+v, passed on: %v", c.name, c.kind, i, reply, passed)
			}
			if !passed && reply.Code == dns.Success {
				got := []string{}
				for _, a := range reply.Addrs {
					if a.Is4() == (c.kind == dns.A) && (c.kind == dns.A || c.kind == dns.AAAA) {
						got = append(got, a.String())
					}
				}
				if slices.Sort(got); reply.Name+strings.Join(got, " ") != c.want || reply.TTL != namesLife && len(got) > 0 {
					t.Errorf("%s %d (%d): %+v", c.name, c.kind, i, reply)
				}
			}
			if denied := seen.has("dns " + q.Name); denied != (want == dns.Refused && i != 3) {
				t.Errorf("%s (%d): noted: %v", c.name, i, denied)
			}
		}
	}
	r, _ := withHooks(t, free)
	update := asks(1, "db", 6)
	update[2] = 5 << 3
	var q dns.Question
	if err := dns.ParseQuestion(update, &q); err != nil {
		t.Fatal(err)
	}
	if reply, passed := r.judge(&q); passed || reply.Code != dns.NotImplemented {
		t.Errorf("an update: %+v, %v", reply, passed)
	}
	// Not always the same address is the first.
	firsts := map[netip.Addr]bool{}
	for range 6 {
		reply, _ := r.judge(parsed(t, "db", dns.A))
		firsts[reply.Addrs[0]] = true
	}
	if len(firsts) != 3 {
		t.Errorf("first ones: %v", firsts)
	}
}

func TestAdmit(t *testing.T) {
	o := Defaults()
	o.Egress = []string{"www.example"}
	r, _ := withHooks(t, o)
	z := &zone{names: map[string][]string{"www.example": {"1.2.3.4"}, "other.example": {"1.2.3.5"}}}
	q := parsed(t, "www.example", dns.A)
	for what, b := range map[string][]byte{
		"another name": z.answer(asks(1, "other.example", dns.A)),
		"another id":   z.answer(asks(2, "www.example", dns.A)),
		"another type": z.answer(asks(1, "www.example", dns.AAAA)),
		"a question":   asks(1, "www.example", dns.A),
		"nothing":      {},
	} {
		if r.admit(q, b) {
			t.Errorf("%s was taken", what)
		}
	}
	if !r.admit(q, []byte{0, 1, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0}) {
		t.Error("that it was not understood was not taken")
	}
	to := netip.MustParseAddrPort("1.2.3.4:443")
	if r.gate.opens(6, to) {
		t.Error("open before an answer")
	}
	if !r.admit(q, z.answer(asks(1, "www.example", dns.A))) || !r.gate.opens(6, to) {
		t.Error("closed after an answer")
	}
}

// Questions that are passed on, in namespaces of a host of its own.
func TestResolver(t *testing.T) {
	if !again(t) {
		return
	}
	hooks := Hooks{
		Lookup: func(name string) ([]netip.Addr, bool) {
			return []netip.Addr{netip.MustParseAddr("10.0.2.50")}, name == "db"
		},
		Reverse: func(a netip.Addr) (string, bool) { return "db", a.String() == "10.0.2.50" },
	}
	c := newContainerWith(t, "", hooks, func(int, *Options) {})
	z := &zone{names: map[string][]string{"www.example": {"1.2.3.4", "2600::4"}, "silent.example": {"silence"}, "slow.example": {"1.2.3.4"}}}
	z.serve(t, "127.0.0.53:53")
	z.serve(t, "[::1]:53")
	quiet, err := net.ListenPacket("udp", "127.0.0.54:53")
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()

	// Without any name server it is said so, and nobody waits: busybox says
	// otherwise that it was too long.
	servers(t, c, "127.0.0.99", "192.0.2.77")
	c.steps(new(record), []step{
		{script: "nslookup www.example 10.0.2.3", want: "SERVFAIL", fails: true},
		{script: "nslookup -type=a db 10.0.2.3", want: "10.0.2.50"},
		{script: "nslookup -type=aaaa db.dns.coracle 10.0.2.4", want: "10.0.2.4:53"},
		{script: "nslookup 10.0.2.50 10.0.2.5", want: "name = db"},
		{script: "nslookup host.docker.internal 10.0.2.3", want: "10.0.2.2"},
		{script: "nc 10.0.2.3 54 </dev/null", want: "refused", fails: true},
	})
	servers(t, c, "127.0.0.99", "127.0.0.53") // the first one is away
	c.steps(new(record), []step{{script: "nslookup www.example 10.0.2.3", want: "2600::4"}})
	servers(t, c, "127.0.0.54", "127.0.0.53") // the first one says nothing
	c.steps(new(record), []step{{script: "nslookup -type=a slow.example 10.0.2.3", want: "1.2.3.4"}})
	servers(t, c, "::1")
	c.steps(new(record), []step{{script: "nslookup -type=a www.example 10.0.2.3", want: "1.2.3.4"}})

	// A flood of questions that nobody answers takes no more than it may, and what
	// comes then is answered.
	servers(t, c, "127.0.0.53")
	c.steps(new(record), []step{
		{script: fmt.Sprintf(`bash -c 'for i in {1..%d}; do printf "\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6silent\\7example\\0\\0\\1\\0\\1" >/dev/udp/10.0.2.3/53; done'`, 2*mostAsked)},
		{script: "nslookup www.example 10.0.2.3", want: "1.2.3.4"},
		{script: `bash -c 'printf "\\0\\7\\1\\0\\0\\1\\0\\0" >/dev/udp/10.0.2.3/53'`}, // less than a header
		{script: "nslookup www.example 10.0.2.3", want: "1.2.3.4"},
	})
}

// A client that says all that DNS has today.
func TestResolverDig(t *testing.T) {
	if _, err := exec.LookPath("dig"); err != nil {
		t.Skip("program dig: a client with EDNS, cookies and TCP")
	}
	if !again(t) {
		return
	}
	hooks := Hooks{
		Lookup: func(name string) ([]netip.Addr, bool) {
			return []netip.Addr{netip.MustParseAddr("10.0.2.50")}, name == "db"
		},
		Reverse: func(a netip.Addr) (string, bool) { return "db.dns.coracle", a.String() == "10.0.2.50" },
	}
	var denied record
	hooks.Denied = denied.note
	c := newContainerWith(t, "egress=www.example", hooks, func(int, *Options) {})
	z := &zone{names: map[string][]string{"www.example": {"@cdn.example"}, "cdn.example": {"1.2.3.4", "2600::4"}}}
	z.serve(t, "127.0.0.53:53")
	servers(t, c, "127.0.0.53")
	const dig = "dig +time=20 +tries=1 @10.0.2.3 "
	c.steps(&denied, []step{
		{script: dig + "+short db", want: "10.0.2.50"},
		{script: dig + "dB.dns.Coracle", want: "dB.dns.Coracle."},
		{script: dig + "db aaaa", want: "status: NOERROR"},
		{script: dig + "db aaaa", want: "ANSWER: 0"},
		{script: dig + "gone.dns.coracle", want: "status: NXDOMAIN"},
		{script: dig + "+dnssec db", want: "EDNS: version: 0, flags: do; udp: 1232"},
		{script: dig + "+noedns db", want: "ADDITIONAL: 0"},
		{script: dig + "+tcp db", want: "10.0.2.50"},
		{script: dig + "+tcp +keepopen db www.example db", want: "1.2.3.4"},
		{script: dig + "-x 10.0.2.50", want: "db.dns.coracle."},
		{script: dig + "+cookie +bufsize=4096 www.example", want: "1.2.3.4"},
		{script: dig + "www.example aaaa", want: "2600::4"},
		{script: dig + "+tcp www.example", want: "CNAME\tcdn.example."},
		{script: dig + "www.example mx", want: "status: NOERROR"},
		{script: dig + "+tcp other.example", want: "status: REFUSED", denied: "dns other.example"},
		{script: dig + "+opcode=5 db", want: "status: NOTIMP"},
		{script: dig + "+header-only", want: "status: FORMERR"},
		{script: dig + "ch txt version.bind", want: "status: REFUSED"},
	})
}
