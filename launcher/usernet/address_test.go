package usernet

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/slirp/networks"
)

func ip(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func network(subnets ...string) *networks.Network {
	n := &networks.Network{Name: "red"}
	for _, s := range subnets {
		p := netip.MustParsePrefix(s)
		n.Subnets = append(n.Subnets, networks.Subnet{Prefix: p, Gateway: p.Addr().Next()})
	}
	return n
}

func TestAddresses(t *testing.T) {
	ranged := network("10.0.0.0/24")
	ranged.Subnets[0].First, ranged.Subnets[0].Last = ip("10.0.0.8"), ip("10.0.0.9")
	for _, test := range []struct {
		name            string
		network         *networks.Network
		taken           string
		ask, before     string
		want4, want6, e string
	}{
		{"the first", network("10.0.0.0/24", "fd00::/64"), "", "", "", "10.0.0.2", "fd00::2", ""},
		{"a gap", network("10.0.0.0/24"), "10.0.0.2 10.0.0.4", "", "", "10.0.0.3", "", ""},
		{"IPv6 alone", network("fd00::/64"), "fd00::2", "", "", "", "fd00::3", ""},
		{"asked", network("10.0.0.0/24"), "10.0.0.2", "10.0.0.9", "", "10.0.0.9", "", ""},
		{"asked and taken", network("10.0.0.0/24"), "10.0.0.9", "10.0.0.9", "", "", "", "10.0.0.9 of network red, by container m0"},
		{"asked for the gateway's", network("10.0.0.0/24"), "", "10.0.0.1", "", "", "", "gateway"},
		{"as before", network("10.0.0.0/24"), "", "", "10.0.0.7", "10.0.0.7", "", ""},
		{"before, and taken", network("10.0.0.0/24"), "10.0.0.7", "", "10.0.0.7", "10.0.0.2", "", ""},
		{"before, in another subnet", network("10.0.0.0/24"), "", "", "10.1.0.7", "10.0.0.2", "", ""},
		{"asked counts more", network("10.0.0.0/24"), "", "10.0.0.9", "10.0.0.7", "10.0.0.9", "", ""},
		{"full", network("10.0.0.0/30"), "10.0.0.2", "", "", "", "", "no address left in 10.0.0.0/30"},
		{"the end of a range", ranged, "10.0.0.8", "", "", "10.0.0.9", "", ""},
		{"full range", ranged, "10.0.0.8 10.0.0.9", "", "", "", "", "no address left"},
	} {
		var living []Member
		for i, s := range strings.Fields(test.taken) {
			m := Member{Name: "m" + string(rune('0'+i))}
			if a := ip(s); a.Is4() {
				m.IP4 = a
			} else {
				m.IP6 = a
			}
			living = append(living, m)
		}
		var m Member
		err := addresses(test.network, living, &Ask{IP4: ip(test.ask), Before: Member{IP4: ip(test.before)}}, &m)
		if test.e != "" {
			if err == nil || !strings.Contains(err.Error(), test.e) {
				t.Errorf("%s: %v, want %q", test.name, err, test.e)
			}
			continue
		}
		if err != nil || m.IP4 != ip(test.want4) || m.IP6 != ip(test.want6) {
			t.Errorf("%s: %s %s, %v", test.name, m.IP4, m.IP6, err)
		}
	}
}

func TestHardware(t *testing.T) {
	living := []Member{{Name: "a", MAC: "02:42:0a:00:00:09"}}
	for _, test := range []struct{ asked, ip4, ip6, want string }{
		{"", "10.0.0.5", "fd00::5", "02:42:0a:00:00:05"},
		{"", "", "fd00::1:5", "02:42:00:01:00:05"},
		{"0E:00:00:00:00:01", "10.0.0.5", "", "0e:00:00:00:00:01"},
		{"01:00:00:00:00:01", "10.0.0.5", "", "! single device"},
		{"02:42:0a:00:00", "10.0.0.5", "", "! six pairs"},
		{"02:42:0a:00:00:zz", "10.0.0.5", "", "! no hexadecimal"},
		{"02:42:0a:00:00:09", "10.0.0.5", "", "! by container a"},
		{"", "10.0.0.9", "", "! by container a"},
	} {
		m := Member{IP4: ip(test.ip4), IP6: ip(test.ip6)}
		mac, err := hardware(living, test.asked, &m)
		if why, bad := strings.CutPrefix(test.want, "! "); bad {
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%+v: %v", test, err)
			}
		} else if err != nil || mac.String() != test.want || m.MAC != test.want {
			t.Errorf("%+v: %s, %v", test, mac, err)
		}
	}
}

// TestHolder: a fact about a process that is gone, or whose descriptor is something
// else by now, gives no namespace.
func TestHolder(t *testing.T) {
	ns, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	good, err := hold(int(ns.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, spoil := range map[string]func(h *holder){
		"good":             func(*holder) {},
		"another process":  func(h *holder) { h.Start = "1" },
		"no process":       func(h *holder) { h.PID = 1 << 30 },
		"closed":           func(h *holder) { h.FD = 1 << 20 },
		"a file":           func(h *holder) { h.FD = int(file.Fd()) },
		"another's number": func(h *holder) { h.Ino++ },
	} {
		h := good
		spoil(&h)
		fd, ok, err := h.open()
		if err != nil || ok != (name == "good") {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		if ok {
			unix.Close(fd)
		}
	}
	h := good
	h.PIDs++
	if _, _, err := h.open(); !errors.Is(err, ErrOtherBase) {
		t.Errorf("another pid namespace: %v", err)
	}
}

// FuzzFact: whatever is in a file, what is taken for a member is one.
func FuzzFact(f *testing.F) {
	f.Add([]byte(`{"Version":1,"ID":"` + strings.Repeat("ab", 32) + `","Dir":"/x","IP4":"10.0.0.1"}`))
	f.Add([]byte(`{"Version":1,"ID":"../..","Dir":"/"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := decode(b)
		if !ok {
			return
		}
		if len(m.port()) > 15 || strings.Contains(m.port(), "/") {
			t.Errorf("device %q", m.port())
		}
		for _, a := range m.Addresses() {
			if a.Is4In6() || a.Zone() != "" {
				t.Errorf("address %s", a)
			}
		}
	})
}
