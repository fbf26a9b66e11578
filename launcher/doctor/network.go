package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// ping reads net.ipv4.ping_group_range of the host's network namespace, where the
// stack of a container's network opens its sockets for ICMP echo, as the user. In the
// container's own a launch sets the range.
func ping(_ context.Context, e *exam) finding {
	text := e.sysctl("net/ipv4/ping_group_range")
	var low, high uint32
	if _, err := fmt.Sscan(text, &low, &high); err != nil {
		return works("net.ipv4.ping_group_range cannot be read")
	}
	if low > high || uint32(e.GID) < low || uint32(e.GID) > high {
		return weak(fmt.Sprintf("not for gid %d (net.ipv4.ping_group_range is %d %d)", e.GID, low, high),
			"sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'   (and a file in /etc/sysctl.d to keep it)")
	}
	return works(fmt.Sprintf("for gids %d to %d", low, high))
}

// ports says which the user may publish. That the lowest are not among them is the
// rule, and nothing to warn of.
func ports(_ context.Context, e *exam) finding {
	first, err := strconv.Atoi(e.sysctl("net/ipv4/ip_unprivileged_port_start"))
	switch {
	case err != nil:
		return works("net.ipv4.ip_unprivileged_port_start cannot be read")
	case first > 1024:
		return weak(fmt.Sprintf("from %d on (net.ipv4.ip_unprivileged_port_start)", first), "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=1024")
	case first <= 80 || e.UID == 0:
		return works("all that a web server wants")
	}
	return works(fmt.Sprintf("from %d on; for 80 and 443, too: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80", first))
}

// drivers lists what --network can name besides what needs no program.
func drivers(_ context.Context, e *exam) finding {
	have, lack := []string{"slirp (built in)"}, []string{}
	for _, name := range [...]string{"pasta", "slirp4netns"} {
		if _, err := e.LookPath(name); err != nil {
			lack = append(lack, name)
		} else {
			have = append(have, name)
		}
	}
	text := strings.Join(have, ", ")
	if len(lack) > 0 {
		text += "; not installed, and not needed: " + strings.Join(lack, ", ")
	}
	return works(text)
}
