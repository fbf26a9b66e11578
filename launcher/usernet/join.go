package usernet

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"coracle/slirp/link"
	"coracle/slirp/networks"
)

// Ask is what a container wants to be in a network.
type Ask struct {
	Network string
	// ID and Name are the container's, Dir is its directory, with the lock, which
	// the caller holds.
	ID, Name, Dir string
	Aliases       []string
	// IP4, IP6 and MAC are what it must have; unset: whatever is free.
	IP4, IP6 netip.Addr
	MAC      string
	// Interface is the device's name in the container.
	Interface string
	// Host is the network where the host has an end of it: the caller's, who knows
	// which addresses are free there. It is nil for others.
	Host *networks.Network
	// Forwarding says that the container sets itself which of its devices forward.
	Forwarding bool
	// Before is what it had in an earlier run, and has again if that is free.
	Before Member
}

// Membership is a container's connection to a network: a fact, a descriptor of the
// network's namespace, and after [Membership.Plug] a device.
type Membership struct {
	Member
	Network *networks.Network
	// OnHost says that the way out is the host's device in the network.
	OnHost bool
	store  Store
	mac    link.MAC
	ns     int
	// forwarding is Ask's.
	forwarding bool
}

// Join makes a container a member. The caller is a process that ends with the
// container, and mapped root of the base user namespace. Errors:
// networks.ErrNoNetwork, [ErrTaken], [ErrFull], [ErrOtherBase].
func (s Store) Join(a Ask) (_ *Membership, err error) {
	// It becomes the name of a directory.
	if err := networks.CheckName(a.Network); err != nil {
		return nil, err
	}
	lock, err := s.Lock(a.Network)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	j := &Membership{store: s, ns: -1, forwarding: a.Forwarding, Member: Member{ID: a.ID, Name: a.Name, Dir: a.Dir, Aliases: a.Aliases, Interface: a.Interface}}
	defer func() {
		if err != nil {
			unix.Close(j.ns)
			s.leaveEmpty(a.Network)
		}
	}()
	// Who removes a network looks for members under the lock: it is there until we are one.
	if j.Network, err = (networks.Store{Dir: filepath.Join(s.Data, networks.DirName)}).Find(a.Network); err != nil {
		return nil, err
	}
	if j.Network.Name != a.Network { // found by its id, and the lock is another's
		return nil, fmt.Errorf("%w: %q", networks.ErrNoNetwork, a.Network)
	}
	if a.Host != nil {
		j.Network, j.OnHost = a.Host, true
	}
	living, dead, err := s.sweep(a.Network)
	if err != nil {
		return nil, err
	}
	for i := range living {
		if living[i].ID == a.ID { // of a supervisor that was killed: the lock is the caller's
			dead = append(dead, living[i])
			living = append(living[:i], living[i+1:]...)
			break
		}
	}
	if err := addresses(j.Network, living, &a, &j.Member); err != nil {
		return nil, err
	}
	if j.mac, err = hardware(living, a.MAC, &j.Member); err != nil {
		return nil, err
	}
	if j.ns, err = obtain(living, j.Network.MTU()); err != nil {
		return nil, fmt.Errorf("cannot join network %s: %w", a.Network, err)
	}
	if j.Holder, err = hold(j.ns); err != nil {
		return nil, err
	}
	if err := s.bury(a.Network, j.ns, dead); err != nil {
		return nil, err
	}
	return j, s.write(a.Network, &j.Member)
}

// Leave ends the membership. Where the device cannot be taken away its fact stays: the
// next who looks finds it dead.
func (j *Membership) Leave() {
	defer unix.Close(j.ns)
	if j.Unplug() != nil {
		return
	}
	if lock, err := j.store.Lock(j.Network.Name); err == nil {
		_ = os.Remove(filepath.Join(j.store.dir(j.Network.Name), j.ID))
		j.store.leaveEmpty(j.Network.Name)
		lock.Close()
	}
}

// Rename changes the name by which the others in its networks know a container.
func (s Store) Rename(id, name string) error {
	entries, err := os.ReadDir(filepath.Join(s.Run, dirName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if _, ok := read(filepath.Join(s.dir(e.Name()), id)); !ok {
			continue
		}
		lock, lerr := s.Lock(e.Name())
		if lerr != nil {
			return lerr
		}
		if m, ok := read(filepath.Join(s.dir(e.Name()), id)); ok {
			m.Name = name
			err = errors.Join(err, s.write(e.Name(), &m))
		}
		lock.Close()
	}
	return err
}

// port is the name of a member's device in the network's namespace.
func (m *Member) port() string { return "v" + m.ID[:12] }

// unplug removes the devices of members from the network's namespace, and with them
// those in the containers.
func unplug(ns int, members []Member) error {
	if len(members) == 0 {
		return nil
	}
	return link.In(ns, func(c *link.Conn) error {
		for i := range members {
			if err := remove(c, members[i].port()); err != nil {
				return err
			}
		}
		return nil
	})
}

// remove removes a device, if it is there.
func remove(c *link.Conn, name string) error {
	index, err := c.Index(name)
	if err == nil {
		err = c.Delete(index)
	}
	if errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
