package slirp

import (
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// resolvConf is where the host says which name servers it asks.
const resolvConf = "/etc/resolv.conf"

// most of it that is read, in bytes.
const mostResolvConf = 64 << 10

// nameservers knows whom the host asks. A VPN or a change of networks exchanges
// the file: it is looked at for each question.
type nameservers struct {
	path string
	seen unix.Stat_t
	list []netip.Addr
}

// get returns the n-th server, the first when there are not so many.
func (r *nameservers) get(n int) (netip.Addr, bool) {
	var st unix.Stat_t
	if err := unix.Stat(r.path, &st); err != nil {
		r.list = nil
	} else if st.Ino != r.seen.Ino || st.Dev != r.seen.Dev || st.Mtim != r.seen.Mtim || st.Size != r.seen.Size {
		r.seen = st
		r.list = Nameservers(r.path)
	}
	switch {
	case len(r.list) == 0:
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), false // resolv.conf(5)
	case n < len(r.list):
		return r.list[n], true
	}
	return r.list[0], true
}

// Nameservers reads the name servers of a resolv.conf(5).
func Nameservers(path string) (list []netip.Addr) {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, mostResolvConf)
	n, _ := f.Read(b)
	for line := range strings.Lines(string(b[:n])) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" || len(list) == mostServers {
			continue
		}
		if a, err := netip.ParseAddr(fields[1]); err == nil {
			list = append(list, a.Unmap())
		}
	}
	return list
}
