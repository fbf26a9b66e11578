package launcher

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/slirp"
)

// The payload of msgPorts begins with one of these.
const (
	addPort    = '+'
	removePort = '-'
)

var errNoOwnNetwork = errors.New("it has no network of its own into which a port could lead\n  fix: start it with --network slirp")

// publisher is what ports lead into.
type publisher interface {
	Publish(l *slirp.Listener)
	Withdraw(p slirp.Port) (ok bool)
}

// changePorts publishes ports of the running container, or takes them back. They
// are the supervisor's: where a restart policy says so, the next run has them.
func (r *resident) changePorts(c conn, payload []byte) error {
	if len(payload) == 0 || payload[0] != addPort && payload[0] != removePort {
		return errRequest
	}
	asked, err := slirp.ParsePorts(string(payload[1:]))
	if err != nil {
		return err
	}
	var changed []string
	err = r.inside(func() error {
		r.net.changes.Lock()
		defer r.net.changes.Unlock()
		into, err := r.publisher()
		if err != nil {
			return err
		}
		if payload[0] == addPort {
			changed, err = r.addPorts(into, asked)
		} else {
			changed, err = r.removePorts(into, asked)
		}
		if len(changed) > 0 {
			_ = containers.WritePorts(r.req.Dir, r.req.Ports)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.send(msgPublished, []byte(strings.Join(changed, "\n")))
}

// publisher is the container's network, or a relay into what a helper has made.
func (s *supervisor) publisher() (publisher, error) {
	switch {
	case s.net.Network != nil:
		return s.net.Network, nil
	case s.net.relay != nil:
		return s.net.relay, nil
	case len(s.req.Driver) == 0:
		return nil, errNoOwnNetwork
	}
	ns, err := unix.Open("/proc/"+strconv.Itoa(s.pid)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open the container's network namespace: %w", err)
	}
	defer unix.Close(ns)
	if err := unix.PidfdSendSignal(s.pidfd, 0, nil, 0); err != nil { // or the number is another's
		return nil, ErrNotRunning
	}
	s.net.relay, err = slirp.NewRelay(ns, netip.Addr{}, netip.Addr{})
	if err != nil {
		return nil, err
	}
	return s.net.relay, nil
}

// addPorts takes all of them, or none.
func (s *supervisor) addPorts(into publisher, asked []slirp.Port) (added []string, err error) {
	var taken []*slirp.Listener
	for _, p := range asked {
		l, err := slirp.Listen(p)
		if err != nil {
			for _, l := range taken {
				l.Close()
			}
			return nil, err
		}
		taken = append(taken, l)
	}
	for _, l := range taken {
		added = append(added, l.Port.String())
		into.Publish(l)
	}
	s.req.Ports = append(s.req.Ports, added...)
	return added, nil
}

// removePorts takes back those that are meant, all of them or none: what was not said
// of the host's side may be anything.
func (s *supervisor) removePorts(into publisher, asked []slirp.Port) (removed []string, err error) {
	var all []slirp.Port
	var texts []string
	for _, a := range asked {
		found := false
		for _, text := range s.req.Ports {
			list, err := slirp.ParsePorts(text)
			if err != nil || !meant(a, list[0]) {
				continue
			}
			found = true
			if slices.Contains(s.net.fixed, text) {
				return nil, s.portStays(text)
			}
			if !slices.Contains(texts, text) {
				all, texts = append(all, list[0]), append(texts, text)
			}
		}
		if !found {
			return nil, fmt.Errorf("port %s is not published\n  fix: coracle port %s lists those that are", strings.TrimPrefix(a.String(), ":"), s.req.Name)
		}
	}
	for i, text := range texts {
		if !into.Withdraw(all[i]) {
			return removed, s.portStays(text)
		}
		removed = append(removed, text)
		s.req.Ports = slices.DeleteFunc(s.req.Ports, func(t string) bool { return t == text })
	}
	return removed, nil
}

// portStays says why a port cannot be taken back.
func (s *supervisor) portStays(text string) error {
	by := "the host's bridge"
	switch {
	case len(s.req.Driver) > 0:
		by = s.req.Driver[0]
	case s.net.rules == nil:
		return ErrNotRunning // its network has ended
	}
	return fmt.Errorf("%s was published by %s when the container started, and stays as long as it runs", text, by)
}

// meant tells whether who asks for a port means this one.
func meant(asked, p slirp.Port) bool {
	return asked.Protocol == p.Protocol && asked.ContainerPort == p.ContainerPort &&
		(asked.HostPort == 0 || asked.HostPort == p.HostPort) && (!asked.HostIP.IsValid() || asked.HostIP == p.HostIP)
}
