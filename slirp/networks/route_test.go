package networks

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// hexWord is how the kernel prints an address in /proc/net/route on this machine.
func hexWord(a, b, c, d byte) string {
	return fmt.Sprintf("%08X", binary.NativeEndian.Uint32([]byte{a, b, c, d}))
}

func line4(to, flags, mask string) string {
	return "eth0\t" + to + "\t00000000\t" + flags + "\t0\t0\t0\t" + mask + "\t0\t0\t0\n"
}

func TestRoutes(t *testing.T) {
	const six = "fd420000000000000000000000000000 %s 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 %s %s\n"
	for _, c := range []struct {
		name, line string
		parse      func(string) (Route, bool)
		want       string
	}{
		{"title", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n", parseRoute4, ""},
		{"default", line4(hexWord(0, 0, 0, 0), "0003", hexWord(0, 0, 0, 0)), parseRoute4, ""},
		{"network", line4(hexWord(192, 168, 7, 0), "0001", hexWord(255, 255, 255, 0)), parseRoute4, "192.168.7.0/24 eth0"},
		{"host", line4(hexWord(10, 9, 8, 7), "0005", hexWord(255, 255, 255, 255)), parseRoute4, "10.9.8.7/32 eth0"},
		{"half of all", line4(hexWord(128, 0, 0, 0), "0001", hexWord(128, 0, 0, 0)), parseRoute4, ""},
		{"down", line4(hexWord(192, 168, 7, 0), "0000", hexWord(255, 255, 255, 0)), parseRoute4, ""},
		{"rejected", line4(hexWord(192, 168, 7, 0), "0201", hexWord(255, 255, 255, 0)), parseRoute4, ""},
		{"mask with a hole", line4(hexWord(192, 168, 7, 0), "0001", hexWord(255, 0, 255, 0)), parseRoute4, ""},
		{"too short", "eth0 00 00\n", parseRoute4, ""},
		{"no number", line4("xyz", "0001", hexWord(255, 255, 255, 0)), parseRoute4, ""},
		{"IPv6", fmt.Sprintf(six, "40", "00000001", "eth0"), parseRoute6, "fd42::/64 eth0"},
		{"IPv6 of a VPN", fmt.Sprintf(six, "03", "00000003", "tun0"), parseRoute6, ""},
		{"IPv6 default", fmt.Sprintf(six, "00", "00000003", "eth0"), parseRoute6, ""},
		{"IPv6 loopback", fmt.Sprintf(six, "80", "80200001", "lo"), parseRoute6, ""},
		{"IPv6 rejected", fmt.Sprintf(six, "40", "00200200", "eth0"), parseRoute6, ""},
		{"IPv6 too many bits", fmt.Sprintf(six, "81", "00000001", "eth0"), parseRoute6, ""},
		{"IPv6 no address", "zz 40 0 0 0 0 0 0 1 eth0", parseRoute6, ""},
	} {
		r, ok := c.parse(c.line)
		if got := r.Prefix.String() + " " + r.Device; ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: %v %s", c.name, ok, got)
		}
	}
}

func TestHostRoutes(t *testing.T) {
	list, err := HostRoutes()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if !r.Prefix.IsValid() || r.Prefix.Bits() == 0 || r.Device == "" {
			t.Errorf("%+v", r)
		}
	}
}

func FuzzRoutes(f *testing.F) {
	f.Add(line4(hexWord(192, 168, 7, 0), "0001", hexWord(255, 255, 255, 0)))
	f.Add("fd420000000000000000000000000000 40 0 00 0 0 0 0 00000001 eth0")
	f.Fuzz(func(t *testing.T, line string) {
		for _, parse := range []func(string) (Route, bool){parseRoute4, parseRoute6} {
			if r, ok := parse(line); ok && (!r.Prefix.IsValid() || r.Prefix.Bits() == 0 || r.Prefix != r.Prefix.Masked()) {
				t.Fatalf("%q: %+v", line, r)
			}
		}
	})
}
