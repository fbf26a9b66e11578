package slirp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// record keeps what was denied.
type record struct {
	mu   sync.Mutex
	seen map[string]int
}

func (r *record) note(d Denial) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = make(map[string]int)
	}
	if d.Time.IsZero() {
		r.seen["no time"]++
	}
	text := d.Protocol + " " + d.Name
	if d.Address.IsValid() {
		text = fmt.Sprintf("%s %s %s", d.Protocol, netip.AddrPortFrom(d.Address, d.Port), d.Name)
	}
	r.seen[strings.TrimSpace(text)]++
}

func (r *record) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[text] > 0
}

func servers(t *testing.T, c *container, list ...string) {
	t.Helper()
	if err := os.WriteFile(c.resolv, []byte("nameserver "+strings.Join(list, "\nnameserver ")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// step is one thing that a container does.
type step struct {
	script string
	want   string
	fails  bool
	denied string // what is noted of it
}

func (c *container) steps(denied *record, list []step) {
	c.t.Helper()
	for _, s := range list {
		if s.denied != "" && denied.has(s.denied) {
			c.t.Errorf("%s: %q was denied before", s.script, s.denied)
		}
		out, err := c.sh(s.script)
		if (err != nil) != s.fails || !strings.Contains(out, s.want) {
			c.t.Errorf("%s: %v\n%s", s.script, err, out)
		}
		if s.denied != "" && !denied.has(s.denied) {
			c.t.Errorf("%s: %q was not noted: %v", s.script, s.denied, denied.seen)
		}
	}
	if denied.has("no time") {
		c.t.Error("something was denied at no time")
	}
}

// datagram sends so many bytes and tells how many came back; an error that is told
// of ends the waiting.
func datagram(to string, size int) string {
	return fmt.Sprintf(`bash -c 'exec 3<>/dev/udp/%s; head -c %d /dev/zero >&3; timeout 5 head -c %d <&3 2>/dev/null | wc -c'`, to, size, size)
}

func TestEgressNames(t *testing.T) {
	if !again(t) {
		return
	}
	beyond(t)
	var denied record
	c := newContainerWith(t, "egress=www.example:443,egress=*.cdn.example,egress=10.7.0.0/16:80,egress=v6.example:80/tcp,egress=q.example/dns,egress=self.example", Hooks{Denied: denied.note}, func(int, *Options) {})
	z := &zone{names: map[string][]string{
		"www.example": {"1.2.3.4", "2600::4"}, "other.example": {"1.2.3.5"}, "q.example": {"1.2.3.5"}, "v6.example": {"2600::6"},
		"img.cdn.example": {"@edge.example"}, "edge.example": {"1.2.3.5"},
		"evil.cdn.example": {"10.8.0.1", "127.0.0.1", "192.0.2.1", "10.0.2.2", "169.254.169.254", "fd07::1", "::ffff:127.0.0.1"},
	}}
	z.serve(t, "127.0.0.53:53")
	servers(t, c, "127.0.0.53")
	says(t, "127.0.0.1:80", "secret")
	says(t, "192.0.2.1:80", "secret")
	c.steps(&denied, []step{
		// Nothing is open before it was asked for.
		{script: "nc 1.2.3.4 443 </dev/null", fails: true, denied: "tcp 1.2.3.4:443"},
		{script: "nc 2600::4 443 </dev/null", fails: true, denied: "tcp [2600::4]:443"},
		{script: "ping -c 1 -W 1 1.2.3.4", fails: true, denied: "icmp 1.2.3.4:0"},
		{script: "nslookup www.example 10.0.2.3", want: "1.2.3.4"},
		{script: "nc 1.2.3.4 443 </dev/null", want: "here"},
		{script: "nc 2600::4 443 </dev/null", want: "here"},
		{script: datagram("1.2.3.4/443", 5), want: "5"},
		{script: "nc 1.2.3.4 80 </dev/null", fails: true, denied: "tcp 1.2.3.4:80 www.example"},
		// Another name server is as closed as everything else, and a long question in
		// fragments, too.
		{script: datagram("1.2.3.4/53", 40), want: "0", denied: "udp 1.2.3.4:53 www.example"},
		{script: "nc 1.2.3.4 53 </dev/null", fails: true, denied: "tcp 1.2.3.4:53 www.example"},
		{script: datagram("1.2.3.5/53", 4000), want: "0", denied: "udp 1.2.3.5:53"},
		{script: datagram("2600::5/443", 4000), want: "0", denied: "udp [2600::5]:443"},
		{script: datagram("1.2.3.4/443", 4000), want: "4000"},
		// What may not be asked for, nobody is asked.
		{script: "nslookup other.example 10.0.2.3", want: "REFUSED", fails: true, denied: "dns other.example"},
		{script: "nslookup cdn.example 10.0.2.3", want: "REFUSED", fails: true, denied: "dns cdn.example"},
		{script: "nslookup www.example.evil.net 10.0.2.3", want: "NXDOMAIN", fails: true}, // a search domain, it seems
		{script: "nslookup 1.2.3.5 10.0.2.3", want: "REFUSED", fails: true, denied: "dns 5.3.2.1.in-addr.arpa"},
		{script: "nslookup 1.2.3.4 10.0.2.3", want: "NXDOMAIN", fails: true}, // the server does not know
		// A name that may be asked for, and no more.
		{script: "nslookup q.example 10.0.2.3", want: "1.2.3.5"},
		{script: "nc 1.2.3.5 443 </dev/null", fails: true, denied: "tcp 1.2.3.5:443 q.example"},
		// By way of an alias.
		{script: "nslookup img.cdn.example 10.0.2.3", want: "1.2.3.5"},
		{script: "nc 1.2.3.5 443 </dev/null", want: "here"},
		{script: "nc 1.2.3.5 80 </dev/null", want: "here"},
		{script: "ping -c 1 -W 1 1.2.3.5; true", want: "PING"},
		// Only IPv6.
		{script: "nslookup -type=a v6.example 10.0.2.3", want: "10.0.2.3:53"},
		{script: "nslookup -type=aaaa v6.example 10.0.2.3", want: "2600::6"},
		{script: "nc 2600::6 80 </dev/null", want: "here"},
		// A name does not lead into networks of the host's, nor to itself.
		{script: "nslookup evil.cdn.example 10.0.2.3", want: "10.8.0.1"},
		{script: "nc 10.8.0.1 80 </dev/null", fails: true, denied: "tcp 10.8.0.1:80 evil.cdn.example"},
		{script: "nc fd07::1 80 </dev/null", fails: true, denied: "tcp [fd07::1]:80 evil.cdn.example"},
		{script: "nc 169.254.169.254 80 </dev/null", fails: true, denied: "tcp 169.254.169.254:80 evil.cdn.example"},
		{script: "nc 192.0.2.1 80 </dev/null", want: "refused", fails: true},
		{script: "nc 10.0.2.2 80 </dev/null", want: "refused", fails: true},
		// A network, whatever the name.
		{script: "nc 10.7.0.1 80 </dev/null", want: "here"},
		{script: "nc 10.7.0.1 443 </dev/null", fails: true, denied: "tcp 10.7.0.1:443"},
	})
	for _, name := range []string{"other.example", "cdn.example", "www.example.evil.net", "5.3.2.1.in-addr.arpa"} {
		if z.was(name) {
			t.Errorf("the server was asked for %s", name)
		}
	}
	if !z.was("4.3.2.1.in-addr.arpa") {
		t.Error("the server was not asked for the name of an address that is known")
	}
}

func TestEgressScopes(t *testing.T) {
	if !again(t) {
		return
	}
	beyond(t)
	for _, scope := range []struct {
		options string
		steps   []step
	}{
		{"egress=none,host-port=5432", []step{
			{script: "nc 1.2.3.4 443 </dev/null", fails: true, denied: "tcp 1.2.3.4:443"},
			{script: "nc 10.7.0.1 80 </dev/null", fails: true, denied: "tcp 10.7.0.1:80"},
			{script: "nslookup www.example 10.0.2.3", want: "REFUSED", fails: true, denied: "dns www.example"},
			{script: "nslookup -type=a db.corp.example 10.0.2.3", want: "NXDOMAIN", fails: true},
			{script: "nslookup -type=a DB 10.0.2.3", want: "10.0.2.50"},
			{script: "nc 10.0.2.2 5432 </dev/null", want: "database"}, // it was opened by name
		}},
		{"egress=lan", []step{
			{script: "nslookup www.example 10.0.2.3", want: "1.2.3.4"},
			{script: "nc 1.2.3.4 443 </dev/null", fails: true, denied: "tcp 1.2.3.4:443 www.example"},
			{script: "nc 10.7.0.1 80 </dev/null", want: "here"},
			{script: "nc fd07::1 80 </dev/null", want: "here"},
			{script: "nc 192.0.2.2 80 </dev/null", want: "here"}, // next to the host
			{script: "nc 2001:db8:1::2 80 </dev/null", want: "here"},
			{script: "nc 169.254.169.254 80 </dev/null", fails: true, denied: "tcp 169.254.169.254:80"},
		}},
		{"egress=internet,egress=169.254.169.254:80", []step{
			{script: "nslookup www.example 10.0.2.3", want: "1.2.3.4"},
			{script: "nc 1.2.3.4 443 </dev/null", want: "here"},
			{script: "nc 2600::4 443 </dev/null", want: "here"},
			{script: "nc 10.7.0.1 80 </dev/null", fails: true, denied: "tcp 10.7.0.1:80"},
			{script: "nc fd07::1 80 </dev/null", fails: true, denied: "tcp [fd07::1]:80"},
			{script: "nc 192.0.2.2 80 </dev/null", fails: true, denied: "tcp 192.0.2.2:80"},
			{script: "nc 192.0.2.1 80 </dev/null", want: "refused", fails: true},
			{script: "nc 169.254.169.254 80 </dev/null", want: "here"},
			{script: "nc 169.254.169.254 443 </dev/null", fails: true, denied: "tcp 169.254.169.254:443"},
		}},
		{"", []step{
			{script: "nc 169.254.169.254 80 </dev/null", fails: true},
			{script: "nc 1.2.3.4 80 </dev/null", want: "here"},
		}},
	} {
		t.Run(scope.options, func(t *testing.T) {
			var denied record
			hooks := Hooks{Denied: denied.note, Lookup: func(name string) ([]netip.Addr, bool) {
				return []netip.Addr{netip.MustParseAddr("10.0.2.50")}, name == "db"
			}}
			c := newContainerWith(t, scope.options, hooks, func(int, *Options) {})
			z := &zone{names: map[string][]string{"www.example": {"1.2.3.4"}}}
			z.serve(t, "127.0.0.53:53")
			servers(t, c, "127.0.0.53")
			says(t, "127.0.0.1:5432", "database")
			c.steps(&denied, scope.steps)
		})
	}
}

// Rules that nobody would keep to are an error, and so are rules that cannot be read.
func TestEgressRefused(t *testing.T) {
	place := Place{Address4: netip.MustParsePrefix("10.89.0.2/24"), Gateway4: netip.MustParseAddr("10.89.0.1"), Elsewhere: true}
	for _, c := range []struct {
		rules []string
		at    bool
		want  string
	}{
		{[]string{"lan"}, true, "by the host's bridge"},
		{[]string{"none", "lan"}, false, "none is said together"},
		{[]string{"a b"}, false, "not a name"},
	} {
		o := Defaults()
		if c.at {
			o.At(place)
		}
		o.Egress = c.rules
		if _, err := start(-1, o, Hooks{}, "/nowhere"); !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.rules, err)
		}
	}
}

func TestEgressOption(t *testing.T) {
	o, err := Parse("egress=lan,egress=[2001:db8::/32]:443,mtu=1400,egress=*.example.org")
	if err != nil || strings.Join(o.Egress, " ") != "lan [2001:db8::/32]:443 *.example.org" {
		t.Errorf("%+v, %v", o, err)
	}
	if again, err := Parse(o.String()); err != nil || !slices.Equal(again.Egress, o.Egress) {
		t.Errorf("%s is read %q, %v", &o, again.Egress, err)
	}
	for _, s := range []string{"egress", "egress=", "egress=http://x"} {
		if _, err := Parse(s); !errors.Is(err, ErrOption) {
			t.Errorf("%s: %v", s, err)
		}
	}
}
