package slirp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Listener is a port of the host's that is taken.
type Listener struct {
	Port // with the port that was chosen
	fd   int
}

// Close lets go of the port. A listener that was published is the network's.
func (l *Listener) Close() {
	if l.fd >= 0 {
		unix.Close(l.fd)
		l.fd = -1
	}
}

// take is for whoever serves the port from then on.
func (l *Listener) take() (fd int) {
	fd, l.fd = l.fd, -1
	return fd
}

// backlog is how many connections may wait.
const backlog = 1024

// Listen takes a port of the host's. Errors say who has it, or why it may not be
// taken, and which port works.
func Listen(p Port) (*Listener, error) {
	kind := unix.SOCK_STREAM
	switch p.Protocol {
	case "tcp":
	case "udp":
		kind = unix.SOCK_DGRAM
	default:
		return nil, fmt.Errorf("cannot publish port %d/%s: this network carries tcp and udp\n  fix: --network host", p.HostPort, p.Protocol)
	}
	fd, address, err := bound(p, kind)
	if err != nil {
		return nil, explain(p, kind, err)
	}
	if kind == unix.SOCK_STREAM {
		if err := unix.Listen(fd, backlog); err != nil { // two may have bound it
			unix.Close(fd)
			return nil, explain(p, kind, err)
		}
	}
	l := &Listener{Port: p, fd: fd}
	l.HostPort = address.Port()
	return l, nil
}

// bound is a socket with the address of a port. Every address of the host is one
// socket for both families, where there are two.
func bound(p Port, kind int) (fd int, address netip.AddrPort, err error) {
	families := []netip.Addr{p.HostIP}
	if !p.HostIP.IsValid() {
		families = []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}
	}
	for _, ip := range families {
		if fd, err = bind(ip, p.HostPort, kind, !p.HostIP.IsValid()); err == nil {
			name, err := unix.Getsockname(fd)
			if err != nil {
				unix.Close(fd)
				return -1, address, err
			}
			switch a := name.(type) {
			case *unix.SockaddrInet4:
				address = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
			case *unix.SockaddrInet6:
				address = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
			}
			return fd, address, nil
		}
		if !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EADDRNOTAVAIL) {
			break
		}
	}
	return -1, address, err
}

func bind(ip netip.Addr, port uint16, kind int, both bool) (int, error) {
	domain := unix.AF_INET6
	var address unix.Sockaddr = &unix.SockaddrInet6{Addr: ip.As16(), Port: int(port)}
	if ip.Is4() {
		domain, address = unix.AF_INET, &unix.SockaddrInet4{Addr: ip.As4(), Port: int(port)}
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if kind == unix.SOCK_STREAM {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // those in TIME-WAIT are nobody's
	}
	if domain == unix.AF_INET6 {
		only := 1
		if both {
			only = 0
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	if err := unix.Bind(fd, address); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// explain says what is wrong with a port, and which one works.
func explain(p Port, kind int, err error) error {
	fail := func(why, fix string) error {
		return fmt.Errorf("cannot publish port %d/%s: %s: %w\n  fix: %s", p.HostPort, p.Protocol, why, err, fix)
	}
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		why := "it is taken"
		switch pid, name := holderOf(p); {
		case pid == strconv.Itoa(os.Getpid()):
			why = "this container publishes it twice"
		case pid != "":
			why += fmt.Sprintf(" by process %s (%s)", pid, name)
		}
		return fail(why, "-p "+usable(p, kind, p.HostPort+1))
	case errors.Is(err, unix.EACCES):
		first := firstUnprivileged()
		return fail(fmt.Sprintf("ports below %d are the system's", first),
			fmt.Sprintf("-p %s, or for everybody: sudo sysctl net.ipv4.ip_unprivileged_port_start=%d", usable(p, kind, max(first, p.HostPort+8000)), p.HostPort))
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fail(fmt.Sprintf("this machine does not have the address %s", p.HostIP), "an address of this machine (ip addr), or none for all")
	}
	return fmt.Errorf("cannot publish port %d/%s: %w", p.HostPort, p.Protocol, err)
}

// usable is what to ask for instead: the next port that is free.
func usable(p Port, kind int, from uint16) string {
	for port := from; port > 0 && port < from+200; port++ {
		p.HostPort = port
		if fd, _, err := bound(p, kind); err == nil {
			unix.Close(fd)
			return p.String()
		}
	}
	p.HostPort = 0
	return p.String()
}

func firstUnprivileged() uint16 {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	n, err2 := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 16)
	if err != nil || err2 != nil {
		return 1024
	}
	return uint16(n)
}
