package slirp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrPort is wrapped by every error about what was asked of a port.
var ErrPort = errors.New("invalid port")

// Port is a port of the host's that leads into the container.
type Port struct {
	// Protocol is tcp or udp.
	Protocol string
	// HostIP is the zero value for every address of the host.
	HostIP netip.Addr
	// HostPort is 0 for any that is free.
	HostPort, ContainerPort uint16
}

// String is the port as `-p` has it.
func (p Port) String() string {
	host := ""
	switch {
	case p.HostIP.Is6():
		host = "[" + p.HostIP.String() + "]:"
	case p.HostIP.IsValid():
		host = p.HostIP.String() + ":"
	}
	if p.HostPort != 0 {
		host += strconv.Itoa(int(p.HostPort))
	}
	return fmt.Sprintf("%s:%d/%s", host, p.ContainerPort, p.Protocol)
}

// mostPorts bounds one range.
const mostPorts = 4096

// ParsePorts reads the argument of -p: [[IP:][HOST]:]CONTAINER[/PROTOCOL], where
// both ports may be ranges A-B of the same length. Errors wrap [ErrPort].
func ParsePorts(s string) ([]Port, error) {
	bad := func(why string) ([]Port, error) {
		return nil, fmt.Errorf("%w: -p %s: %s\n  fix: [[IP:]HOST:]CONTAINER[/tcp|udp] is wanted, such as 8080:80", ErrPort, s, why)
	}
	rest, protocol, has := strings.Cut(s, "/")
	protocol = strings.ToLower(protocol)
	switch {
	case !has:
		protocol = "tcp"
	case protocol == "sctp":
		return nil, fmt.Errorf("%w: -p %s: published ports carry tcp and udp, not sctp\n  fix: --network host", ErrPort, s)
	case protocol != "tcp" && protocol != "udp":
		return bad(fmt.Sprintf("%q is not a protocol", protocol))
	}
	host, container := "", rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		host, container = rest[:i], rest[i+1:]
	}
	var ip netip.Addr
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		text := host[:i]
		host = host[i+1:]
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			text = text[1 : len(text)-1]
		} else if strings.Contains(text, ":") {
			return bad("an IPv6 address stands in brackets")
		}
		var err error
		if ip, err = netip.ParseAddr(text); err != nil && text != "" || ip.Zone() != "" {
			return bad(fmt.Sprintf("%q is not an address", text))
		}
	}
	first, last, ok := parseRange(container)
	if !ok || first == 0 {
		return bad(fmt.Sprintf("%q is not a port of the container's", container))
	}
	hostFirst, hostLast := uint16(0), uint16(0)
	if host != "" {
		if hostFirst, hostLast, ok = parseRange(host); !ok {
			return bad(fmt.Sprintf("%q is not a port of the host's", host))
		}
	}
	n := int(last-first) + 1
	if n > mostPorts {
		return bad(fmt.Sprintf("%d ports at once are too many, %d are possible", n, mostPorts))
	}
	if hostFirst != 0 && int(hostLast-hostFirst)+1 != n {
		return bad("the ranges have different lengths")
	}
	list := make([]Port, n)
	for i := range list {
		list[i] = Port{Protocol: protocol, HostIP: ip.Unmap(), ContainerPort: first + uint16(i)}
		if hostFirst != 0 {
			list[i].HostPort = hostFirst + uint16(i)
		}
	}
	return list, nil
}

func parseRange(s string) (first, last uint16, ok bool) {
	a, b, isRange := strings.Cut(s, "-")
	if !isRange {
		b = a
	}
	x, err := strconv.ParseUint(a, 10, 16)
	if err != nil {
		return 0, 0, false
	}
	y, err := strconv.ParseUint(b, 10, 16)
	if err != nil || y < x {
		return 0, 0, false
	}
	return uint16(x), uint16(y), true
}
