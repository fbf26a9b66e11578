package slirp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/slirp/packet"
	"coracle/slirp/stack"
)

func TestParse(t *testing.T) {
	tests := []struct {
		list string
		bad  string // part of the error
		want func(o *Options)
	}{
		{list: "", want: func(*Options) {}},
		{list: "mtu=9000,host-loopback", want: func(o *Options) { o.MTU, o.HostLoopback = 9000, true }},
		{list: "cidr=192.168.77.9/24", want: func(o *Options) { o.CIDR4 = netip.MustParsePrefix("192.168.77.0/24") }},
		{list: "ipv6=false,mtu=600", want: func(o *Options) { o.CIDR6, o.MTU = netip.Prefix{}, 600 }},
		{list: "enable_ipv6=true,allow_host_loopback=false", want: func(*Options) {}},
		{list: "host-port=5432,host-port=6379", want: func(o *Options) { o.HostPorts = []uint16{5432, 6379} }},
		{list: "source-ip=gateway", want: func(o *Options) { o.HideClients = true }},
		{list: "source-ip=preserve", want: func(*Options) {}},
		{list: "source-ip=mine", bad: "preserve or gateway"},
		{list: "host-port=0", bad: "1 to 65535"},
		{list: "ipv6=no", bad: "true or false"},
		{list: "mtu=600", bad: "1280"},
		{list: "mtu=70000", bad: "65520"},
		{list: "mtu=x", bad: "bytes"},
		{list: "cidr=10.0.0.0/30", bad: "/29"},
		{list: "cidr=fd00::/64", bad: "10.0.2.0/24"},
		{list: "cidr6=10.0.0.0/24", bad: "fd00::/64"},
		{list: "cidr=nonsense", bad: "network such as"},
		{list: "speed=fast", bad: "are known"},
	}
	for _, c := range tests {
		got, err := Parse(c.list)
		if c.bad != "" {
			if !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), c.bad) {
				t.Errorf("%q: %v", c.list, err)
			}
			continue
		}
		if again, err := Parse(got.String()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q is written %s and read %+v, %v", c.list, &got, again, err)
		}
		want := Defaults()
		c.want(&want)
		if err != nil || got.CIDR4 != want.CIDR4 || got.CIDR6 != want.CIDR6 || got.MTU != want.MTU || got.HostLoopback != want.HostLoopback || got.HideClients != want.HideClients {
			t.Errorf("%q: %+v, %v", c.list, got, err)
		}
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct{ list, container, gateway, dns, last, container6 string }{
		{"", "10.0.2.100/24", "10.0.2.2", "10.0.2.3", "10.0.2.5", "fd00::64/64"},
		{"cidr=10.1.255.0/16", "10.1.0.100/16", "10.1.0.2", "10.1.0.3", "10.1.0.5", "fd00::64/64"},
		{"cidr=10.9.9.8/29,cidr6=fd00:1::/125", "10.9.9.14/29", "10.9.9.10", "10.9.9.11", "10.9.9.13", "fd00:1::6/125"},
		{"ipv6=off", "", "", "", "", ""},
	} {
		o, err := Parse(c.list)
		if c.container == "" {
			if err == nil {
				t.Errorf("%q was taken", c.list)
			}
			continue
		}
		p := o.Plan()
		if err != nil || p.Container4.String() != c.container || p.Gateway4.String() != c.gateway || p.DNS[0].String() != c.dns || p.DNS[2].String() != c.last || p.Container6.String() != c.container6 {
			t.Errorf("%q: %+v, %v", c.list, p, err)
		}
	}
	o, err := Parse("ipv6=false")
	if p := o.Plan(); err != nil || p.Container6.IsValid() || p.Gateway6.IsValid() {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestNameservers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(s string) {
		t.Helper()
		// As those do who change it: the file is exchanged.
		if err := os.WriteFile(path+"~", []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
	}
	r := nameservers{path: path}
	check := func(when string, want ...string) {
		t.Helper()
		var got []string
		for _, a := range r.get() {
			got = append(got, a.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	check("without the file", "127.0.0.1")
	write("# nameserver 9.9.9.9\nsearch example\nnameserver 127.0.0.53\nnameserver nonsense\n nameserver fe80::53%eth0\nnameserver\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n")
	check("three", "127.0.0.53", "fe80::53%eth0", "192.0.2.3")
	write("nameserver 192.0.2.99\n") // the VPN is up
	check("after a change", "192.0.2.99")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check("when the file is gone", "127.0.0.1")
}

func TestHostAddresses(t *testing.T) {
	h, err := openHostAddresses()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(h.fd)
	list, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		ip, _ := netip.AddrFromSlice(a.(*net.IPNet).IP)
		if !h.has(ip.Unmap()) {
			t.Errorf("%v is missing", a)
		}
	}
}

// TestHostAddressesChange is in a network namespace of its own.
func TestHostAddressesChange(t *testing.T) {
	if !again(t) {
		return
	}
	h, err := openHostAddresses()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(h.fd)
	for _, c := range []struct {
		args      string
		own, near string // what is then
	}{
		{"link set lo up", "127.0.0.1 ::1", ""},
		{"addr add 192.0.2.77/32 dev lo", "127.0.0.1 192.0.2.77", ""},
		{"addr replace 192.0.2.77/32 dev lo valid_lft 1000 preferred_lft 1000", "192.0.2.77", ""},
		{"addr del 192.0.2.77/32 dev lo", "127.0.0.1", ""},
		{"addr add 198.18.0.1/16 dev lo", "198.18.0.1 198.18.7.7", ""}, // all of it answers
		{"link add v0 type veth peer name v1", "198.18.7.7", ""},
		{"addr add 198.51.100.5/24 brd 198.51.100.255 dev v0", "198.51.100.5 198.51.100.255 198.18.7.7", "198.51.100.5 198.51.100.9"},
		{"addr add 2001:db8:5::5/64 dev v0 nodad", "2001:db8:5::5 198.51.100.5", "2001:db8:5::9 198.51.100.9"},
		{"addr add 203.0.113.5 peer 203.0.113.6/31 dev v1", "203.0.113.5 198.51.100.5", "203.0.113.6 203.0.113.7 198.51.100.9"},
		{"addr add 198.51.100.6/24 dev v1", "198.51.100.5 198.51.100.6 198.51.100.255", "198.51.100.9"},
		{"addr del 198.51.100.5/24 dev v0", "198.51.100.6", "198.51.100.9 2001:db8:5::9"},
		{"link del v0", "127.0.0.1 198.18.7.7", ""},
		{"addr del 198.18.0.1/16 dev lo", "127.0.0.1", ""},
	} {
		if out, err := exec.Command("ip", strings.Fields(c.args)...).CombinedOutput(); err != nil {
			t.Errorf("ip %s: %v\n%s", c.args, err, out)
		}
		// What was told is right, and so is what one is told who asks now. Of an IPv6
		// address the kernel tells a moment later.
		for _, again := range []func(){h.changed, func() {
			if err := h.reload(); err != nil {
				t.Fatal(err)
			}
		}} {
			for s := range strings.FieldsSeq(c.own) {
				for tries := 0; !h.has(netip.MustParseAddr(s)); tries++ {
					if again(); tries > 5000 {
						t.Fatalf("after ip %s: %s is missing", c.args, s)
					}
					time.Sleep(time.Millisecond)
				}
			}
			again()
			for s := range strings.FieldsSeq(c.near) {
				if !h.near(netip.MustParseAddr(s)) {
					t.Errorf("after ip %s: %s is not near", c.args, s)
				}
			}
			for _, s := range []string{"192.0.2.78", "198.51.100.7", "2001:db8:5::9", "203.0.113.7"} {
				if h.has(netip.MustParseAddr(s)) {
					t.Errorf("after ip %s: %s is the host's", c.args, s)
				}
			}
		}
	}
	for _, s := range []string{"192.0.2.77", "198.18.0.1", "198.18.7.7", "198.51.100.5", "198.51.100.6", "198.51.100.255", "2001:db8:5::5", "203.0.113.5"} {
		if a := netip.MustParseAddr(s); h.has(a) || h.near(a) {
			t.Errorf("%s is gone, and is still there", s)
		}
	}
	if len(h.nets)+len(h.whole) > 0 {
		t.Errorf("networks of nobody: %v, %v", h.nets, h.whole)
	}
}

func TestRoute(t *testing.T) {
	host := &hostAddresses{
		count: map[netip.Addr]int{netip.MustParseAddr("203.0.113.5"): 1, netip.MustParseAddr("2001:db8:5::5"): 1, netip.MustParseAddr("192.0.2.255"): 1},
		whole: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/16")},
	}
	tests := []struct {
		to      string
		want    string // "" as it was
		verdict stack.Verdict
		open    stack.Verdict // with --host-loopback
	}{
		{to: "198.51.100.1:80"},
		{to: "[2001:db8::1]:443"},
		{to: "10.0.2.3:54", verdict: stack.Refuse, open: stack.Refuse},
		{to: "10.0.2.77:80", verdict: stack.Refuse, open: stack.Refuse},
		{to: "[fd00::77]:80", verdict: stack.Refuse, open: stack.Refuse},
		{to: "10.0.2.2:5432", want: "127.0.0.1:5432"},
		{to: "[fd00::2]:5432", want: "[::1]:5432"},
		{to: "10.0.2.2:22", want: "127.0.0.1:22", verdict: stack.Refuse},
		{to: "[fd00::2]:22", want: "[::1]:22", verdict: stack.Refuse},
		{to: "203.0.113.5:22", verdict: stack.Refuse},
		{to: "[2001:db8:5::5]:22", verdict: stack.Refuse},
		{to: "127.0.0.1:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "127.8.8.8:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "0.0.0.0:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "0.1.2.3:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[::1]:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[::]:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[fe80::1]:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "224.0.0.251:5353", verdict: stack.Drop, open: stack.Drop},
		{to: "[ff02::fb]:5353", verdict: stack.Drop, open: stack.Drop},
		{to: "169.254.169.254:80", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "169.254.1.2:5432", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "255.255.255.255:67", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "192.0.2.255:67", verdict: stack.Refuse}, // the host's network's broadcast address
		{to: "192.0.2.9:80"},
		{to: "198.18.7.7:80", verdict: stack.Refuse}, // a network that is all the host's
		{to: "[2002:cb00:7105::1]:22", verdict: stack.Prohibit},
		{to: "[64:ff9b::203.0.113.5]:22", verdict: stack.Prohibit},
		{to: "[64:ff9b:1::203.0.113.5]:22", verdict: stack.Prohibit},
		{to: "[64:ff9b::127.0.0.1]:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[::127.0.0.1]:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[::ffff:0:127.0.0.1]:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[2002:7f00:1::]:22", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[2001:db8::200:5efe:203.0.113.5]:22", verdict: stack.Prohibit},
		{to: "[64:ff9b::169.254.169.254]:80", verdict: stack.Prohibit, open: stack.Prohibit},
		{to: "[64:ff9b::192.0.2.9]:80"},
	}
	for _, opened := range []bool{false, true} {
		o := Defaults()
		o.HostPorts, o.HostLoopback = []uint16{5432}, opened
		r := &router{Options: o, plan: o.Plan(), host: host}
		for _, c := range tests {
			to := netip.MustParseAddrPort(c.to)
			got, verdict := r.route(packet.TCP, to)
			want := c.verdict
			if opened {
				want = c.open
			}
			if verdict != want {
				t.Errorf("%s: verdict %d, want %d (loopback open: %v)", c.to, verdict, want, opened)
			}
			if verdict == stack.Allow && c.want != "" && got != netip.MustParseAddrPort(c.want) || verdict == stack.Allow && c.want == "" && got != to {
				t.Errorf("%s: to %v", c.to, got)
			}
		}
		// A mapped address is the one that it maps.
		if _, verdict := r.route(packet.TCP, netip.AddrPortFrom(packet.From(netip.MustParseAddr("::ffff:127.0.0.1")).Netip(), 1)); verdict != stack.Prohibit {
			t.Errorf("mapped loopback: %d", verdict)
		}
	}
}
