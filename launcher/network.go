package launcher

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/launcher/usernet"
	"coracle/slirp"
)

// networking is a container's network as its supervisor has it.
type networking struct {
	*slirp.Network
	// listeners are ports that are taken and do not lead anywhere yet.
	listeners []*slirp.Listener
	// changes guards which ports are published, and what follows, from who answers
	// clients.
	changes sync.Mutex
	// up says that there is a process whose network can be changed.
	up bool
	// members are the container's places in user networks, in all its runs, in the
	// order in which they came; names are those of the others in them.
	members []*usernet.Membership
	names   *usernet.Names
	// alone says that its way out belongs to no user network; else through is the one
	// that it belongs to, if there is one.
	alone   bool
	through *usernet.Membership
	// servers are addresses where the container was told that its name server is.
	servers []netip.Addr
	// relay leads in what was added while a helper makes the network, or is nil.
	relay *slirp.Relay
	// helper is the program that connects the container in the place of slirp, or nil.
	helper *helper
	// fixed are ports that somebody else leads in as long as the container runs: a
	// helper, or the host's bridge.
	fixed []string
	// rules keeps the container's rules on the host's bridge, in all its runs, or is nil.
	rules *os.File
}

// describeNetwork says in the request which network the container is to have.
func (r *request) describeNetwork(n *intent.Slirp) {
	if n == nil {
		return
	}
	r.Network = n.String()
	for _, p := range n.Ports {
		r.Ports = append(r.Ports, p.String())
	}
}

// takePorts takes the ports that are to be published: a port that somebody else
// has is known before there is a container. One that was free to choose stays the
// same in the next run.
func (s *supervisor) takePorts() error {
	s.disconnected()
	return s.listen()
}

// listen is takePorts without the wait.
func (s *supervisor) listen() error {
	s.leavePorts() // of an attempt that failed
	for i, text := range s.req.Ports {
		list, err := slirp.ParsePorts(text)
		if err != nil {
			s.leavePorts()
			return err
		}
		l, err := slirp.Listen(list[0])
		if err != nil {
			s.leavePorts()
			return err
		}
		s.req.Ports[i] = l.Port.String()
		s.net.listeners = append(s.net.listeners, l)
	}
	if len(s.req.Driver) > 0 {
		s.leavePorts() // before the first process inherits them: the helper takes them
	}
	return nil
}

// leavePorts lets go of ports that were taken.
func (s *supervisor) leavePorts() {
	for _, l := range s.net.listeners {
		l.Close()
	}
	s.net.listeners = nil
}

// connect gives the first process's network namespace a device, while that process
// makes its mounts. It waits at the end for the byte that says it is there.
func (s *supervisor) connect(b *birth) error {
	s.net.changes.Lock()
	defer s.net.changes.Unlock()
	s.net.up = true
	if s.req.Network == "" && len(s.req.Driver) == 0 && len(s.net.members) == 0 {
		return nil
	}
	ns, err := unix.Open("/proc/"+strconv.Itoa(s.pid)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open the container's network namespace: %w", err)
	}
	defer unix.Close(ns)
	if err := s.joinAll(ns); err != nil {
		return memberError(err)
	}
	if len(s.req.Driver) > 0 {
		if err := s.startHelper(); err != nil {
			return err
		}
		s.net.fixed = slices.Clone(s.req.Ports)
		return b.goOn()
	}
	if err := s.uplink(ns); err != nil || s.req.Network == "" { // nobody waits, then
		return err
	}
	return b.goOn()
}

// noNetwork says what can be done.
func noNetwork(err error) error {
	fix := "coracle doctor"
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		fix = "sudo modprobe tun, or --network host, or none"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		fix = "sudo chmod 0666 /dev/net/tun, or --network host, or none"
	}
	return fmt.Errorf("cannot make the container's network: %w\n  fix: %s", err, fix)
}

// disconnect ends the network of a run that is over. The kernel takes its time to
// close a device (20 ms): nobody waits for that but another run.
func (s *supervisor) disconnect() {
	s.net.changes.Lock()
	defer s.net.changes.Unlock()
	if !s.net.up {
		return // a run that failed before it had any; that of the one before is at its end
	}
	s.net.up = false
	if s.net.relay != nil {
		s.net.relay.Close()
		s.net.relay = nil
	}
	if s.net.Network != nil {
		s.net.Close()
		s.denials.flush()
		s.denials = nil // of the next run
	}
	if s.net.helper != nil {
		s.syncs.Go(s.net.helper.stop)
	}
}

// disconnected waits until the network of the run before is gone, and its ports free.
func (s *supervisor) disconnected() {
	if s.net.Network != nil {
		_ = s.net.Wait() // that the device went first is no news
		s.net.Network = nil
	}
	if s.net.helper != nil {
		<-s.net.helper.gone
		s.net.helper = nil
	}
}

// writePorts leaves the fact of which ports are published.
func (s *supervisor) writePorts() {
	s.net.changes.Lock()
	defer s.net.changes.Unlock()
	if len(s.req.Ports) > 0 {
		_ = containers.WritePorts(s.req.Dir, s.req.Ports)
	}
}
