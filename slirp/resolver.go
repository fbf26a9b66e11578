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

// get are the servers in their order. Without any there is the one that
// resolv.conf(5) has then.
func (r *nameservers) get() []netip.Addr {
	var st unix.Stat_t
	if err := unix.Stat(r.path, &st); err != nil {
		r.list, r.seen = nil, unix.Stat_t{}
	} else if st.Ino != r.seen.Ino || st.Dev != r.seen.Dev || st.Mtim != r.seen.Mtim || st.Size != r.seen.Size {
		r.seen = st
		r.list = Nameservers(r.path)
	}
	if len(r.list) == 0 {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return r.list
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

// serverSocket is a socket of the kind that is connected to port 53 of a server. A
// server on a link, as routers announce them, has that link's name as its zone.
func serverSocket(server netip.Addr, kind int) (fd int, err error) {
	var to unix.Sockaddr
	family := unix.AF_INET
	if server.Is4() {
		to = &unix.SockaddrInet4{Addr: server.As4(), Port: dnsPort}
	} else {
		family = unix.AF_INET6
		to = &unix.SockaddrInet6{Addr: server.As16(), Port: dnsPort}
	}
	if fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, err
	}
	if zone := server.Zone(); zone != "" {
		to.(*unix.SockaddrInet6).ZoneId, err = deviceIndex(fd, zone)
	}
	if err == nil {
		err = unix.Connect(fd, to)
	}
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// deviceIndex is netdevice(7)'s.
func deviceIndex(fd int, name string) (uint32, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, err
	}
	return request.Uint32(), nil
}
