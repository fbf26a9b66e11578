package egress

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, s := range []string{
		"none", "lan", "internet", "dns", "lan,internet,example.org", "LAN, Example.ORG ", "*.example.org:443", "example.org.", "a_b.example",
		"example.org:80-90/tcp", "example.org/udp", "example.org/dns", "*.example.org/dns", "10.0.0.0/8", "10.0.0.0/8:443", "10.0.0.0/8/tcp", "10.1.2.3",
		"10.1.2.3:53/udp", "2001:db8::/32", "2001:db8::1", "2001:db8::/32/udp", "[2001:db8::1]", "[2001:db8::1]:443", "[2001:db8::/32]:443", "[2001:db8::]/32:443/tcp",
		"xn--bcher-kva.example", "1.example", "::ffff:10.0.0.0/104",
	} {
		if p, err := Parse([]string{s}); err != nil || p == nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for s, why := range map[string]string{
		"":                      "not a name",
		",":                     "not a name",
		"lan,":                  "not a name",
		"none,lan":              "none is said together",
		"lan,none":              "none is said together",
		"*":                     "not a name",
		"*.":                    "not a name",
		"a.*.example":           "not a name",
		"*example.org":          "not a name",
		"-a.example":            "not a name",
		"a..example":            "not a name",
		"b\u00fccher.example":   "not a name",
		"example.org/http":      "not a name",
		"http://example.org":    "not a port",
		"10.0.0.256":            "not a name or an address",
		"10.0.0":                "not a name or an address",
		"10.0.0.0/33":           "not a name or an address",
		"fe80::1%eth0":          "stands in brackets",
		"example.org:":          "no port behind",
		"example.org:0":         "not a port",
		"example.org:70000":     "not a port",
		"example.org:90-80":     "not a port",
		"example.org:http":      "not a port",
		"[2001:db8::1]:":        "brackets are for",
		"[2001:db8::1]443":      "brackets are for",
		"[2001:db8::1":          "brackets are for",
		"[10.0.0.1]:80":         "brackets are for",
		"[example.org]:80":      "brackets are for",
		"2001:db8::1:80:zz":     "stands in brackets",
		"example.org:53/dns":    "has no port",
		"10.0.0.1/dns":          "for names",
		strings.Repeat("a", 64): "not a name",
		strings.Repeat("a.", 99) + strings.Repeat("bc.", 30): "not a name",
	} {
		if p, err := Parse([]string{s}); !errors.Is(err, ErrRule) || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %+v, %v", s, p, err)
		}
	}
	if p, err := Parse(nil); p != nil || err != nil {
		t.Errorf("without rules: %v, %v", p, err)
	}
	if _, err := Parse([]string{strings.Repeat("lan,", mostRules) + "lan"}); !errors.Is(err, ErrRule) {
		t.Errorf("too many: %v", err)
	}
}

func TestAsks(t *testing.T) {
	for _, c := range []struct{ rules, yes, no string }{
		{"none", "", "example.org a"},
		{"10.0.0.0/8", "", "example.org"},
		{"lan", "example.org printer", ""},
		{"internet", "example.org", ""},
		{"dns", "example.org", ""},
		{"none-such.example,dns", "example.org", ""},
		{"example.org", "example.org", "www.example.org org notexample.org example.org.evil.com a\\046example.org"},
		{"*.example.org", "www.example.org a.b.example.org a\\046b.example.org", "example.org notexample.org www\\046example.org .example.org"},
		{"EXAMPLE.org.:443/tcp", "example.org", ""},
		{"example.org/dns", "example.org", "www.example.org"},
	} {
		p, err := Parse([]string{c.rules})
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsSeq(c.yes) {
			if !p.Asks(name) {
				t.Errorf("%s: %s may not be asked for", c.rules, name)
			}
		}
		for name := range strings.FieldsSeq(c.no) {
			if p.Asks(name) {
				t.Errorf("%s: %s may be asked for", c.rules, name)
			}
		}
	}
}

func TestAddress(t *testing.T) {
	onLink := netip.MustParsePrefix("20.30.40.0/24")
	for _, c := range []struct{ rules, yes, no string }{
		{"none", "", "tcp/10.0.0.1:80 tcp/1.2.3.4:443 udp/[2600::1]:53"},
		{"lan", "tcp/10.0.0.1:80 udp/192.168.3.4:5 icmp/172.16.0.1:0 tcp/[fd00:1::1]:80 tcp/20.30.40.5:80 tcp/100.64.1.1:1", "tcp/1.2.3.4:443 tcp/169.254.169.254:80 tcp/[2600::1]:80 tcp/172.32.0.1:80"},
		{"internet", "tcp/1.2.3.4:443 udp/[2600::1]:443 tcp/20.30.40.5:80", "tcp/10.0.0.1:80 tcp/169.254.169.254:80 tcp/[fd00:1::1]:80 tcp/[64:ff9b::10.0.0.1]:80 tcp/100.64.1.1:1"},
		{"dns,example.org", "", "tcp/1.2.3.4:443"},
		{"1.2.3.4", "tcp/1.2.3.4:443 udp/1.2.3.4:1 icmp/1.2.3.4:0", "tcp/1.2.3.5:443"},
		{"1.2.3.4:443", "tcp/1.2.3.4:443 udp/1.2.3.4:443", "tcp/1.2.3.4:444 icmp/1.2.3.4:0"},
		{"1.2.3.4:443/tcp", "tcp/1.2.3.4:443", "udp/1.2.3.4:443"},
		{"1.2.3.4/udp", "udp/1.2.3.4:443", "tcp/1.2.3.4:443 icmp/1.2.3.4:0"},
		{"10.0.0.0/8:80-90", "tcp/10.9.9.9:80 tcp/10.9.9.9:85 tcp/10.9.9.9:90", "tcp/10.9.9.9:79 tcp/10.9.9.9:91 tcp/11.0.0.1:80"},
		{"[2600:1::/32]:443", "tcp/[2600:1:5::1]:443", "tcp/[2600:1:5::1]:80 tcp/[2600:2::1]:443"},
		{"[2600:1::]/32:443/tcp", "tcp/[2600:1:5::1]:443", "udp/[2600:1:5::1]:443"},
		{"::ffff:10.0.0.0/104", "tcp/10.1.2.3:1", "tcp/11.1.2.3:1"},
		{"169.254.169.254:80", "tcp/169.254.169.254:80", "tcp/169.254.169.253:80"},
		{"10.0.0.0/8:80,lan", "tcp/10.0.0.1:22", ""},
	} {
		p, err := Parse([]string{c.rules})
		if err != nil {
			t.Fatal(err)
		}
		for s := range strings.FieldsSeq(c.yes + " " + c.no) {
			protocol, address, _ := strings.Cut(s, "/")
			to := netip.MustParseAddrPort(address)
			if want := strings.Contains(" "+c.yes+" ", " "+s+" "); p.Address(protocol, to, onLink.Contains(to.Addr())) != want {
				t.Errorf("%s: %s: %v", c.rules, s, !want)
			}
		}
	}
}

func TestScopes(t *testing.T) {
	for s, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "223.255.255.254": true, "100.63.0.1": true, "172.32.0.1": true, "192.0.1.1": true, "198.20.0.1": true,
		"0.1.2.3": false, "10.1.1.1": false, "100.64.0.1": false, "127.0.0.1": false, "169.254.169.254": false, "172.31.0.1": false, "192.0.0.8": false,
		"192.0.2.1": false, "192.168.1.1": false, "198.19.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"2600::1": true, "2a00:1450::1": true, "2001:4860:4860::8888": true, "2001:200::1": true, "3ffe::1": true,
		"::": false, "::1": false, "fe80::1": false, "fd00::1": false, "ff02::1": false, "2001:db8::1": false, "2001:20::1": false, "4000::1": false, "3fff::1": false, "100::1": false,
		"64:ff9b::8.8.8.8": true, "64:ff9b::10.0.0.1": false, "2002:0808:0808::1": true, "2002:0a00:0001::1": false, "64:ff9b:1::127.0.0.1": false,
		"2001:0:1234::f7f7:f7f7": true, "2001:0:1234::f5ff:fffe": false, "::ffff:0:10.0.0.1": false, "2600::5efe:10.0.0.1": false, "2600::200:5efe:8.8.8.8": true,
	} {
		if got := Global(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: global %v", s, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"none", "lan,internet", "*.example.org:443/tcp", "[2001:db8::/32]:1-2/udp", "10.0.0.0/8:443", "example.org/dns", "[2001:db8::]/32:443"} {
		f.Add(s, "www.example.org", []byte{10, 1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, s, name string, ip []byte) {
		p, err := Parse([]string{s})
		if err != nil {
			if !errors.Is(err, ErrRule) {
				t.Error(err)
			}
			return
		}
		for _, r := range p.rules {
			if r.scope == some && (r.name == "") != r.net.IsValid() || r.first > r.last {
				t.Errorf("%q: %+v", s, r)
			}
		}
		p.Asks(name)
		a, ok := netip.AddrFromSlice(ip)
		if !ok {
			return
		}
		to := netip.AddrPortFrom(a.Unmap(), 443)
		if open := p.Name(name, "tcp", to); open && (!p.Asks(name) || !Global(to.Addr())) {
			t.Errorf("%q opens %v for %q", s, to, name)
		}
		if open := p.Address("tcp", to, true); open && strings.TrimSpace(strings.ToLower(s)) == "none" {
			t.Errorf("none opens %v", to)
		}
	})
}
