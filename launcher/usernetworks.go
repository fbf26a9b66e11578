package launcher

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/launcher/usernet"
	"coracle/slirp"
	"coracle/storage"
	"coracle/userns/tape"
)

// joinAll makes the container a member of the networks that were asked for, and
// gives its network namespace a device in each. In another run it is a member
// still, and has the same addresses.
func (s *supervisor) joinAll(ns int) error {
	n := &s.net
	if s.beginNetworks() {
		for _, a := range s.req.Attachments {
			if _, err := s.joinNetwork(a); err != nil {
				return err
			}
		}
	}
	for _, m := range n.members {
		if err := m.Plug(ns); err != nil {
			return err
		}
		if err := s.askHost(m, ns); err != nil {
			return err
		}
	}
	return nil
}

// beginNetworks makes what all runs have in common, the first time.
func (s *supervisor) beginNetworks() (first bool) {
	if s.net.names != nil {
		return false
	}
	s.net.names = usernet.NewNames(s.usernets())
	s.net.alone = len(s.req.Attachments) == 0 && (s.req.Network != "" || len(s.req.Driver) > 0)
	return true
}

func (s *supervisor) usernets() usernet.Store { return usernet.Store{Run: s.run, Data: s.req.Data} }

// joinNetwork makes the container a member of one network.
func (s *supervisor) joinNetwork(a intent.Attachment) (*usernet.Membership, error) {
	n := &s.net
	if a.Interface == "" {
		a.Interface = n.freeInterface(s.req.Attachments)
	}
	ask := usernet.Ask{
		Network: a.Network, ID: filepath.Base(s.req.Dir), Name: s.name(), Dir: s.req.Dir,
		Aliases: a.Aliases, IP4: a.IP4, IP6: a.IP6, MAC: a.MAC, Interface: a.Interface,
		Forwarding: setsForwarding(s.req.Plan.Child),
	}
	for _, p := range containers.ReadNetworks(&storage.Dir{Path: s.req.Dir}) {
		if p.Network == a.Network {
			ask.Before = usernet.Member{IP4: p.IP4, IP6: p.IP6}
		}
	}
	if s.req.Bridge != nil && a.Network == s.req.Bridge.Name {
		ask.Host = s.req.Bridge
	}
	m, err := s.usernets().Join(ask)
	if err != nil {
		return nil, err
	}
	n.members = append(n.members, m)
	n.names.Add(m)
	return m, nil
}

// setsForwarding tells whether a plan sets which devices forward, as --sysctl
// net.ipv4.ip_forward=1 does: for all that are there, and for those to come.
func setsForwarding(ops []tape.Op) bool {
	return slices.ContainsFunc(ops, func(op tape.Op) bool {
		if op.Call != tape.Openat2 || len(op.Args) < 2 || op.Args[1].Blob == nil {
			return false
		}
		name := string(bytes.TrimRight(op.Args[1].Blob.Data, "\x00"))
		return name == "sys/net/ipv4/ip_forward" || name == "sys/net/ipv4/conf/all/forwarding"
	})
}

// name is the container's, which may have got another since it was started.
func (s *supervisor) name() string {
	if d, err := (storage.Containers{Data: s.req.Data}).Lookup(filepath.Base(s.req.Dir)); err == nil {
		return d.Name
	}
	return s.req.Name
}

// freeInterface is the first ethN that nobody has or has asked for.
func (n *networking) freeInterface(asked []intent.Attachment) string {
	for i := 0; ; i++ {
		name := "eth" + strconv.Itoa(i)
		if !slices.ContainsFunc(n.members, func(m *usernet.Membership) bool { return m.Interface == name }) &&
			!slices.ContainsFunc(asked, func(a intent.Attachment) bool { return a.Interface == name }) {
			return name
		}
	}
}

// leaveAll ends all memberships.
func (s *supervisor) leaveAll() {
	n := &s.net
	n.changes.Lock()
	defer n.changes.Unlock()
	for _, m := range n.members {
		_ = s.leave(m) // else its fact stays, and who joins next takes its device away
	}
	n.members = nil
}

// way is the membership by which the container reaches what is in none of its
// networks: the first that leads out, else the first, for names. It is nil for a
// container that is alone, or in no network.
func (n *networking) way() *usernet.Membership {
	if n.alone || len(n.members) == 0 {
		return nil
	}
	for _, m := range n.members {
		if !m.Network.Internal {
			return m
		}
	}
	return n.members[0]
}

// place is the container's as its own network stack is told.
func (n *networking) place(m *usernet.Membership) (p slirp.Place) {
	p.Address4, p.Gateway4 = m.Subnet(true)
	p.Address6, p.Gateway6 = m.Subnet(false)
	p.Internal, p.Elsewhere = m.Network.Internal, m.OnHost
	// resolv.conf names the gateway of each network that it was started with, and stays.
	for _, o := range n.members {
		for _, four := range []bool{true, false} {
			if _, g := o.Subnet(four); g.IsValid() && !slices.Contains(n.servers, g) {
				n.servers = append(n.servers, g)
			}
		}
	}
	for _, a := range n.servers {
		if a != p.Gateway4 && a != p.Gateway6 {
			p.Formerly = append(p.Formerly, a)
		}
	}
	return p
}

// uplink starts the container's own network stack, where it has one.
func (s *supervisor) uplink(ns int) error {
	n := &s.net
	n.through = n.way()
	if n.through == nil && (s.req.Network == "" || !n.alone) {
		s.leavePorts()
		return nil
	}
	options, err := slirp.Parse(s.req.Network)
	if err != nil {
		return err
	}
	if n.through != nil {
		options.At(n.place(n.through))
		if mtu := n.through.Network.MTU(); mtu > 0 {
			options.MTU = mtu
		}
	}
	hooks := s.hooks()
	hooks.Lookup, hooks.Reverse = n.names.Lookup, n.names.Reverse
	if n.Network, err = slirp.Start(ns, options, hooks); err != nil {
		return noNetwork(err)
	}
	for _, l := range n.listeners {
		n.Publish(l)
	}
	n.listeners = nil
	return nil
}

// writeNetworks leaves the fact of which addresses the container has.
func (s *supervisor) writeNetworks() {
	s.net.changes.Lock()
	defer s.net.changes.Unlock()
	s.noteNetworks()
}

// noteNetworks is writeNetworks for who has the lock.
func (s *supervisor) noteNetworks() {
	var list []containers.Network
	for _, m := range s.net.members {
		list = append(list, containers.Network{Network: m.Network.Name, IP4: m.IP4, IP6: m.IP6})
	}
	_ = containers.WriteNetworks(s.req.Dir, list)
}
