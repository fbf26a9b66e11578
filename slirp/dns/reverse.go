package dns

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseReverse reads the address of a name below in-addr.arpa (RFC 1035, 3.5) or
// ip6.arpa (RFC 3596, 2.5). Not ok: the name is not that of one address.
func ParseReverse(name string) (a netip.Addr, ok bool) {
	if rest, is4 := strings.CutSuffix(name, ".in-addr.arpa"); is4 {
		var b [4]byte
		labels := strings.Split(rest, ".")
		if len(labels) != len(b) {
			return a, false
		}
		for i, label := range labels {
			n, err := strconv.ParseUint(label, 10, 8)
			if err != nil || len(label) > 1 && label[0] == '0' {
				return a, false
			}
			b[len(b)-1-i] = byte(n)
		}
		return netip.AddrFrom4(b), true
	}
	rest, is6 := strings.CutSuffix(name, ".ip6.arpa")
	if !is6 || len(rest) != 63 {
		return a, false
	}
	var b [16]byte
	for i := range 32 {
		if i > 0 && rest[2*i-1] != '.' {
			return a, false
		}
		n, err := strconv.ParseUint(rest[2*i:2*i+1], 16, 8)
		if err != nil {
			return a, false
		}
		b[15-i/2] |= byte(n) << (i % 2 * 4)
	}
	return netip.AddrFrom16(b), true
}
