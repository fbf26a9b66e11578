package launcher

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/slirp"
)

// networking is a container's network as its supervisor has it.
type networking struct {
	*slirp.Network
	// listeners are ports that are taken and do not lead anywhere yet.
	listeners []*slirp.Listener
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
	for i, text := range s.req.Ports {
		list, err := slirp.ParsePorts(text)
		if err != nil {
			return err
		}
		l, err := slirp.Listen(list[0])
		if err != nil {
			for _, l := range s.net.listeners {
				l.Close()
			}
			s.net.listeners = nil
			return err
		}
		s.req.Ports[i] = l.Port.String()
		s.net.listeners = append(s.net.listeners, l)
	}
	return nil
}

// connect gives the first process's network namespace a device, while that process
// makes its mounts. It waits at the end for the byte that says it is there.
func (s *supervisor) connect(b *birth) error {
	if s.req.Network == "" {
		return nil
	}
	options, err := slirp.Parse(s.req.Network)
	if err != nil {
		return err
	}
	ns, err := unix.Open("/proc/"+strconv.Itoa(s.pid)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open the container's network namespace: %w", err)
	}
	defer unix.Close(ns)
	if s.net.Network, err = slirp.Start(ns, options); err != nil {
		return noNetwork(err)
	}
	for _, l := range s.net.listeners {
		s.net.Publish(l)
	}
	s.net.listeners = nil
	if _, err := unix.Write(b.sync[1], []byte{1}); err != nil {
		return fmt.Errorf("cannot tell the container to go on: %w", err)
	}
	return nil
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
	if s.net.Network != nil {
		s.net.Close()
	}
}

// disconnected waits until the network of the run before is gone, and its ports free.
func (s *supervisor) disconnected() {
	if s.net.Network != nil {
		_ = s.net.Wait() // that the device went first is no news
		s.net.Network = nil
	}
}

// writePorts leaves the fact of which ports are published.
func (s *supervisor) writePorts() {
	if len(s.req.Ports) > 0 {
		_ = containers.WritePorts(s.req.Dir, s.req.Ports)
	}
}
