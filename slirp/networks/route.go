package networks

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Route is a network that this host reaches by a device.
type Route struct {
	Prefix netip.Prefix
	Device string
}

// maxRoutes bounds what is read of the host's routes, in bytes.
const maxRoutes = 8 << 20

// HostRoutes are the routes of this process's network namespace that are more
// particular than the default route, from /proc/net/route and /proc/net/ipv6_route
// (proc_pid_net(5)): the main table of each family, which is what a machine with a
// private network has it in. A family without a file has none.
func HostRoutes() ([]Route, error) {
	var all []Route
	for _, f := range []struct {
		path  string
		parse func(line string) (Route, bool)
	}{{"/proc/net/route", parseRoute4}, {"/proc/net/ipv6_route", parseRoute6}} {
		file, err := os.Open(f.path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the host's routes: %w", err)
		}
		b, err := io.ReadAll(io.LimitReader(file, maxRoutes))
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("cannot read the host's routes: %w", err)
		}
		for line := range strings.Lines(string(b)) {
			if r, ok := f.parse(line); ok {
				all = append(all, r)
			}
		}
	}
	return all, nil
}

const (
	// leastBits tells a network from the half of everything that a VPN takes in place of
	// the default route (0.0.0.0/1, 2000::/3).
	leastBits = 8

	flagUp     = 0x1   // RTF_UP
	flagReject = 0x200 // RTF_REJECT
)

// parseRoute4 reads IFACE DESTINATION GATEWAY FLAGS REFCNT USE METRIC MASK …, the
// numbers in hexadecimal, the addresses as the host stores 32 bits.
func parseRoute4(line string) (r Route, ok bool) {
	f := strings.Fields(line)
	if len(f) < 8 {
		return r, false
	}
	to, err1 := word(f[1])
	mask, err2 := word(f[7])
	flags, err3 := strconv.ParseUint(f[3], 16, 32)
	if errors.Join(err1, err2, err3) != nil || flags&flagUp == 0 || flags&flagReject != 0 {
		return r, false
	}
	n := bits.LeadingZeros32(^mask)
	if n < leastBits || mask<<n != 0 {
		return r, false
	}
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], to)
	return Route{netip.PrefixFrom(netip.AddrFrom4(a), n).Masked(), f[0]}, true
}

// word reads 32 bits in network order that were printed as the host's number.
func word(s string) (uint32, error) {
	b, err := hex.DecodeString(s)
	if err == nil && len(b) != 4 {
		err = hex.ErrLength
	}
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(b)
	var raw [4]byte
	binary.NativeEndian.PutUint32(raw[:], n)
	return binary.BigEndian.Uint32(raw[:]), nil
}

// parseRoute6 reads DESTINATION BITS SOURCE BITS GATEWAY METRIC REFCNT USE FLAGS IFACE,
// all in hexadecimal.
func parseRoute6(line string) (r Route, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[9] == "lo" {
		return r, false
	}
	to, err1 := hex.DecodeString(f[0])
	n, err2 := strconv.ParseUint(f[1], 16, 8)
	flags, err3 := strconv.ParseUint(f[8], 16, 32)
	a, is := netip.AddrFromSlice(to)
	if errors.Join(err1, err2, err3) != nil || !is || !a.Is6() || n < leastBits || n > 128 || flags&flagUp == 0 || flags&flagReject != 0 {
		return r, false
	}
	return Route{netip.PrefixFrom(a, int(n)).Masked(), f[9]}, true
}
