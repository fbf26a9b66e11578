package launcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"coracle/launcher/usernet"
	"coracle/slirp"
	"coracle/slirp/bridge"
	"coracle/slirp/link"
	"coracle/slirp/networks"
)

// uplinkOrder is what a supervisor asks the caller to do: it has no power over the
// host's network, but over what the descriptor that comes with it is, the network's
// namespace.
type uplinkOrder struct {
	ID        string
	Network   *networks.Network
	Addresses []netip.Addr
	Ports     []string
}

// uplink makes what the host has of a container's place on its bridge, and answers
// with what keeps its rules. It is the caller's part.
func (o *uplinkOrder) uplink(run string, ns int, say func(string)) (rules *os.File, err error) {
	u := bridge.Uplink{MTU: o.Network.MTU(), NS: ns, Port: usernet.HostPort}
	m := bridge.Member{ID: o.ID, Addresses: o.Addresses}
	var subnets []netip.Prefix
	for _, s := range o.Network.Subnets {
		subnets = append(subnets, s.Prefix)
		u.Gateways = append(u.Gateways, bridge.HostSide(s.Prefix))
	}
	for _, text := range o.Ports {
		list, err := slirp.ParsePorts(text)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			protocol := byte(unix.IPPROTO_TCP)
			if p.Protocol == "udp" {
				protocol = unix.IPPROTO_UDP
			}
			m.Ports = append(m.Ports, bridge.Port{Protocol: protocol, HostIP: p.HostIP, HostPort: p.HostPort, ContainerPort: p.ContainerPort})
		}
	}
	lock, err := bridge.Lock(run)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	// The rules first: what is behind a device without them is open.
	table, err := bridge.Protect(subnets, m)
	if err != nil {
		return nil, err
	}
	defer table.Close()
	if err := u.Make(); err != nil {
		return nil, err
	}
	_, six := o.Network.IPv6()
	k := bridge.Keeper{Dir: run, Six: six}
	needed, err := k.Needed()
	if err != nil {
		return nil, err
	}
	if needed {
		if err := startKeeper(k); err != nil {
			return nil, err
		}
		say("this host forwarded nothing; while containers are on its bridge it does so for them, and for nobody else")
	}
	if text := bridge.Obstacle(); text != "" {
		say(text)
	}
	fd, err := unix.FcntlInt(uintptr(table.FD()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "rules"), nil
}

// serveUplink answers a supervisor's order.
func (l *launch) serveUplink(c conn, payload []byte, fds []int) error {
	defer closeAll(fds)
	var o uplinkOrder
	err := json.Unmarshal(payload, &o)
	if err != nil || o.Network == nil || len(fds) != 1 {
		return errRequest
	}
	rules, err := o.uplink(l.paths.Run, fds[0], func(text string) {
		if !l.options.Quiet {
			fmt.Fprintln(os.Stderr, "coracle: "+text)
		}
	})
	if err != nil {
		return c.send(msgFailed, failureOf(err))
	}
	defer rules.Close()
	return c.send(msgUplink, nil, int(rules.Fd()))
}

// askHost connects the network of a member with the host, where that is its way out.
// A later run of the container has it still, but for its route.
func (s *supervisor) askHost(j *usernet.Membership, container int) error {
	if !j.OnHost {
		return nil
	}
	if err := s.mayBypass(j); err != nil {
		return err
	}
	if s.net.rules == nil {
		o := uplinkOrder{ID: j.ID, Network: j.Network, Addresses: j.Addresses(), Ports: slices.Clone(s.req.Ports)}
		payload, err := json.Marshal(&o)
		if err != nil {
			return err
		}
		if err := s.conn.send(msgUplink, payload, j.Namespace()); err != nil {
			return fmt.Errorf("cannot ask for a way to the host: %w", err)
		}
		k, answer, fds, err := s.conn.receive()
		switch {
		case err != nil:
			return fmt.Errorf("cannot ask for a way to the host: %w", err)
		case k == msgFailed && len(answer) > 0:
			closeAll(fds)
			return errors.New(string(answer[1:]))
		case k != msgUplink || len(fds) != 1:
			closeAll(fds)
			return errRequest
		}
		s.net.rules, s.net.fixed = os.NewFile(uintptr(fds[0]), "rules"), o.Ports
	}
	if err := j.AttachHost(); err != nil {
		return fmt.Errorf("cannot connect the bridge with the host: %w", err)
	}
	return link.In(container, func(c *link.Conn) error { return wayOut(c, j) })
}

// leaveHost lets the kernel remove the rules of a member, whose addresses may be
// another's soon.
func (s *supervisor) leaveHost(j *usernet.Membership) {
	if j.OnHost && s.net.rules != nil {
		s.net.rules.Close()
		s.net.rules, s.net.fixed = nil, nil
	}
}

// wayOut leads what is for none of the network to the host; it is called in the
// container's namespace.
func wayOut(c *link.Conn, j *usernet.Membership) error {
	index, err := c.Index(j.Interface)
	if err != nil {
		return err
	}
	for _, p := range j.Prefixes() {
		host := bridge.HostSide(p).Addr()
		if err := c.AddRoute(link.Route{Index: index, To: link.Anywhere(host), Gateway: host}); err != nil {
			return fmt.Errorf("cannot set the route by way of %s: %w", host, err)
		}
	}
	return nil
}
