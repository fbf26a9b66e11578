package slirp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/dns"
	"coracle/slirp/stack"
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
	to := netip.MustParseAddrPort("1.2.3.4:443")
	if r.gate.opens(6, to) {
		t.Error("open before an answer")
	}
	if !r.admit(q, z.answer(asks(1, "www.example", dns.A))) || !r.gate.opens(6, to) {
		t.Error("closed after an answer")
	}
}

// dialer is a resolver whose stack has nobody at its other end, but runs.
func dialer(t *testing.T, conf string) (*resolver, netip.AddrPort) {
	t.Helper()
	r, _ := withHooks(t, Defaults())
	r.servers.path = conf
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[1]) })
	r.stack, err = stack.New(stack.Config{Link: pair[0], Network: stack.Network{MTU: 1500, Gateway4: r.plan.Gateway4}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		err := r.stack.Run()
		r.close()
		done <- err
	}()
	t.Cleanup(func() {
		r.stack.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r, netip.AddrPortFrom(r.plan.DNS[0], dnsPort)
}

// call is a connection to the resolver, nil when it was refused.
func call(t *testing.T, r *resolver, to netip.AddrPort) net.Conn {
	t.Helper()
	got := make(chan int)
	r.stack.Do(func() {
		fd, taken := r.dial(to)
		if !taken {
			t.Error("the connection went on its way")
		}
		got <- fd
	})
	fd := <-got
	if fd < 0 {
		return nil
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

func send(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn) dns.Answer {
	t.Helper()
	var size [2]byte
	var a dns.Answer
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	if err := dns.ParseAnswer(b, &a); err != nil && len(b) > 12 {
		t.Fatalf("%v: %x", err, b)
	}
	a.Code = dns.Code(b[3] & 15)
	return a
}

func TestConnections(t *testing.T) {
	r, to := dialer(t, "/nowhere")
	c := call(t, r, to)
	// Many at once, in pieces of one byte, are answered in turn.
	var all []byte
	for i := range 50 {
		q := asks(uint16(i), "db", dns.A)
		all = append(append(binary.BigEndian.AppendUint16(all, uint16(len(q))), q...), 0)
		all = all[:len(all)-1]
	}
	for _, b := range all[:60] {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.Copy(c, bytes.NewReader(all[60:])); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if a := receive(t, c); a.ID != uint16(i) || len(a.Addrs) != 2 {
			t.Errorf("%d: %+v", i, a)
		}
	}
	// What cannot be read is answered, and what is no question ends it.
	send(t, c, append(asks(7, "db", dns.A)[:14], 99))
	if a := receive(t, c); a.Code != dns.FormatError {
		t.Errorf("%+v", a)
	}
	for what, b := range map[string][]byte{"nothing": {0, 0}, "too long": {0xff, 0xff, 1}, "an answer": append([]byte{0, 13}, asks(1, "a", dns.A)[:2]...), "half": {0}} {
		c := call(t, r, to)
		if what == "an answer" {
			b = append(b, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
		}
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if what == "half" {
			_ = c.(*net.UnixConn).CloseWrite()
		}
		if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	// There are only so many.
	var open []net.Conn
	for range mostCallers + 5 {
		if c := call(t, r, to); c != nil {
			open = append(open, c)
		}
	}
	if len(open) != mostCallers-1 {
		t.Errorf("%d connections more", len(open))
	}
	for _, c := range open {
		c.Close()
	}
	for call(t, r, to) == nil { // as soon as the thread has seen the ends
		time.Sleep(time.Millisecond)
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
