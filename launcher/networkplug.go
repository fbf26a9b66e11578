package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/launcher/usernet"
	"coracle/slirp/networks"
)

// changeLive connects a container that runs to a network, or without an attachment
// disconnects it: its supervisor does.
func (n *Networks) changeLive(_ context.Context, x *containers.Container, network *networks.Network, a *intent.Attachment) error {
	client, err := dial(n.all.run, x.ID)
	if err != nil {
		return err
	}
	defer client.f.Close()
	k, payload := msgDisconnect, []byte(network.Name)
	if a != nil {
		k = msgConnect
		if payload, err = json.Marshal(a); err != nil {
			return err
		}
	}
	if err := client.send(k, append([]byte{controlVersion}, payload...)); err != nil {
		return fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	}
	k, payload, fds, err := client.receive()
	closeAll(fds)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	case k == msgDone:
		return nil
	}
	return fmt.Errorf("container %s: %s", x.Name, text(payload))
}

// Renamed lets the others in a container's networks find it by its new name.
func (n *Networks) Renamed(x *containers.Container) error {
	return usernet.Store{Run: n.all.run, Data: n.all.Data}.Rename(x.ID, x.Name)
}

// plugIn connects the running container to one more network.
func (r *resident) plugIn(c conn, payload []byte) error {
	var a intent.Attachment
	if json.Unmarshal(payload, &a) != nil {
		return errRequest
	}
	return r.plugged(c, func(ns int) error {
		n := &r.net
		if r.req.Bridge != nil { // whose rules the caller makes, before the first process
			return fmt.Errorf("the host's bridge cannot stand beside other networks\n  fix: coracle stop %s, then coracle network disconnect %s %[1]s, connect and start it", r.name(), r.req.Bridge.Name)
		}
		if slices.ContainsFunc(n.members, func(m *usernet.Membership) bool { return m.Network.Name == a.Network }) {
			return fmt.Errorf("%w: %s", ErrConnected, a.Network)
		}
		m, err := r.joinNetwork(a)
		if errors.Is(err, usernet.ErrOtherBase) {
			return fmt.Errorf("%w\n  fix: coracle stop %s, then coracle start %[2]s", err, r.name())
		}
		if err != nil {
			return err
		}
		if err = m.Plug(ns); err == nil {
			err = r.rewire(ns)
		}
		if err != nil {
			return errors.Join(err, r.drop(m), r.rewire(ns))
		}
		r.tellServer()
		return nil
	})
}

// plugOut disconnects it.
func (r *resident) plugOut(c conn, network string) error {
	return r.plugged(c, func(ns int) error {
		for _, m := range r.net.members {
			if m.Network.Name == network {
				if err := r.drop(m); err != nil {
					return err
				}
				return r.rewire(ns)
			}
		}
		return fmt.Errorf("%w: %s", ErrNotConnected, network)
	})
}

// plugged calls f while nobody else changes the container's networks, with its
// network namespace.
func (r *resident) plugged(c conn, f func(ns int) error) error {
	r.net.changes.Lock()
	defer r.net.changes.Unlock()
	if !r.net.up || unix.PidfdSendSignal(r.pidfd, 0, nil, 0) != nil { // the pid may be another's
		return ErrNotRunning
	}
	r.beginNetworks()
	ns, err := unix.Open("/proc/"+strconv.Itoa(r.pid)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open the container's network namespace: %w", err)
	}
	defer unix.Close(ns)
	if !r.ownsNetwork(ns) {
		return errNoOwnNetwork
	}
	err = f(ns)
	r.noteNetworks() // an error may come after the change
	if err != nil {
		return err
	}
	return c.send(msgDone, nil)
}

// ownsNetwork tells a network namespace that was made for this container from the
// host's, and from another container's.
func (s *supervisor) ownsNetwork(ns int) bool {
	for _, j := range s.req.Plan.Joins {
		if j.Type == specs.NetworkNamespace {
			return false
		}
	}
	var its, own unix.Stat_t
	return unix.Fstat(ns, &its) == nil && unix.Stat("/proc/self/ns/net", &own) == nil && its.Ino != own.Ino
}

// drop ends a membership. After an error it lasts.
func (s *supervisor) drop(m *usernet.Membership) error {
	n := &s.net
	if err := s.leave(m); err != nil {
		return fmt.Errorf("cannot disconnect the container from network %s: %w", m.Network.Name, err)
	}
	n.names.Remove(m.Network.Name)
	n.members = slices.DeleteFunc(n.members, func(o *usernet.Membership) bool { return o == m })
	return nil
}

// leave takes the device first, which without the host's rules would be open, and gives
// the addresses back last.
func (s *supervisor) leave(m *usernet.Membership) error {
	if err := m.Unplug(); err != nil {
		return err
	}
	s.leaveHost(m)
	m.Leave()
	return nil
}

// rewire lets another network be the way out, when the one that was is gone, or the
// first one that leads out is new. Who spoke to the outside by it is told of its end,
// as is everybody whose address goes.
func (s *supervisor) rewire(ns int) error {
	n := &s.net
	if way := n.way(); n.through == way && (way == nil || n.Network != nil) {
		return nil
	}
	if n.Network != nil {
		n.Network.Close()
		s.disconnected()
	}
	n.through = nil // whatever fails now, the next call tries again
	if err := s.listen(); err != nil {
		return err
	}
	err := s.uplink(ns)
	if err != nil {
		s.leavePorts()
	}
	return err
}

// tellServer makes a container find its name server that was started without a
// network: its /etc/resolv.conf says that there is none. Any other is left alone.
func (s *supervisor) tellServer() {
	m := s.net.through
	if m == nil || s.req.Network != "" {
		return
	}
	root, err := unix.Open("/proc/"+strconv.Itoa(s.pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(root)
	fd, err := unix.Openat2(root, "etc/resolv.conf", &unix.OpenHow{
		Flags:   unix.O_RDWR | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "resolv.conf")
	defer f.Close()
	b := make([]byte, len(intent.NoDNS)+1)
	if n, _ := f.ReadAt(b, 0); string(b[:n]) != intent.NoDNS {
		return
	}
	_, gateway := m.Subnet(true)
	if !gateway.IsValid() {
		_, gateway = m.Subnet(false)
	}
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte("nameserver "+gateway.String()+"\n"), 0)
	}
}
