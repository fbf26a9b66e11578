package slirp

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// holderOf is the process that has a port, if it is one that the user may look
// into; this one before others.
func holderOf(p Port) (pid, name string) {
	sockets := make(map[string]bool)
	for _, table := range []string{p.Protocol, p.Protocol + "6"} {
		b, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if inode, ok := holds(line, p); ok {
				sockets["socket:["+inode+"]"] = true
			}
		}
	}
	if len(sockets) == 0 {
		return "", ""
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return "", ""
	}
	own := strconv.Itoa(os.Getpid())
	if has(own, sockets) {
		return own, ""
	}
	for _, e := range processes {
		if pid := e.Name(); pid[0] >= '0' && pid[0] <= '9' && has(pid, sockets) {
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			return pid, strings.TrimSpace(string(name))
		}
	}
	return "", ""
}

// holds reads a line of /proc/net/tcp or udp (proc_net_tcp(5)): sl local_address
// rem_address st … inode. ok: the socket is in the way of the port.
func holds(line string, p Port) (inode string, ok bool) {
	const listening = "0A"
	f := strings.Fields(line)
	if len(f) < 10 || p.Protocol == "tcp" && f[3] != listening {
		return "", false
	}
	address, port, _ := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil || uint16(n) != p.HostPort {
		return "", false
	}
	a := hexAddress(address)
	return f[9], a.IsValid() && (a.IsUnspecified() || !p.HostIP.IsValid() || p.HostIP.IsUnspecified() || a == p.HostIP.Unmap())
}

// hexAddress reads the words of an address, each in the machine's order.
func hexAddress(s string) netip.Addr {
	var b []byte
	for ; len(s) >= 8; s = s[8:] {
		word, err := strconv.ParseUint(s[:8], 16, 32)
		if err != nil {
			return netip.Addr{}
		}
		b = binary.NativeEndian.AppendUint32(b, uint32(word))
	}
	a, _ := netip.AddrFromSlice(b)
	return a.Unmap()
}

// has tells whether a process has one of these files open.
func has(pid string, files map[string]bool) bool {
	fds, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/" + pid + "/fd/" + fd.Name()); err == nil && files[target] {
			return true
		}
	}
	return false
}
