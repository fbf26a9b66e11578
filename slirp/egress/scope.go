package egress

import "net/netip"

// Private tells an address of networks that anybody may have for himself: RFC 1918,
// RFC 6598, RFC 4193.
func Private(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		return a.IsPrivate() || b[0] == 100 && b[1]&0xc0 == 64
	}
	return a.IsPrivate()
}

// Global tells an address that everybody reaches: of one machine, and not in one of
// IANA's special-purpose registries (RFC 6890) as something else. What an IPv6
// address stands for another address in is judged by that.
func Global(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		switch {
		case Private(a), a.IsLoopback(), a.IsLinkLocalUnicast(), b[0] == 0, b[0] >= 224: // 240/4 and multicast, too
			return false
		case b[0] == 192 && b[1] == 0 && (b[2] == 0 || b[2] == 2), b[0] == 198 && b[1]&0xfe == 18,
			b[0] == 198 && b[1] == 51 && b[2] == 100, b[0] == 203 && b[1] == 0 && b[2] == 113:
			return false // protocols (RFC 6890), documentation (RFC 5737), benchmarks (RFC 2544)
		}
		return true
	}
	if v4, ok := Embedded(a); ok {
		return Global(v4)
	}
	b := a.As16()
	switch {
	case b[0]&0xe0 != 0x20: // only 2000::/3 was given out
		return false
	case b[0] == 0x20 && b[1] == 1 && (b[2] < 2 || b[2] == 0x0d && b[3] == 0xb8), b[0] == 0x3f && b[1] == 0xff && b[2] < 0x10:
		return false // protocols (RFC 2928), documentation (RFC 3849, RFC 9637)
	}
	return true
}

// Embedded gives the IPv4 address that an IPv6 address leads to on its way: by
// mapping (RFC 4291), by translation (RFC 6052, RFC 8215, RFC 7915), or by a tunnel
// (RFC 3056, RFC 4380, RFC 5214).
func Embedded(a netip.Addr) (v4 netip.Addr, ok bool) {
	if !a.Is6() {
		return v4, false
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case b[0] == 0x20 && b[1] == 2: // 6to4
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case [4]byte(b[:4]) == [4]byte{0x20, 1}: // Teredo, obscured
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}, [6]byte(b[:6]) == [6]byte{0, 0x64, 0xff, 0x9b, 0, 1}: // NAT64
		return last, true
	case [12]byte(b[:12]) == [12]byte{10: 0xff, 11: 0xff}, [12]byte(b[:12]) == [12]byte{8: 0xff, 9: 0xff}: // mapped, translated
		return last, true
	case [12]byte(b[:12]) == [12]byte{} && !a.IsUnspecified() && !a.IsLoopback(): // compatible
		return last, true
	case b[8]&^2 == 0 && [3]byte(b[9:12]) == [3]byte{0, 0x5e, 0xfe}: // ISATAP
		return last, true
	}
	return v4, false
}
