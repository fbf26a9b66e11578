package usernet

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Names answers questions about the members of a container's networks. A question
// costs a look at each network's directory, and the facts are read again when it
// has changed.
type Names struct {
	store Store
	mu    sync.Mutex
	// lists has an entry for each network that has names.
	lists map[string]*list
}

// list is the members of a network as they were at a time.
type list struct {
	seen    unix.Timespec
	ino     uint64
	fresh   bool // seen is so old that nothing can have happened since at the same time
	members []Member
}

// NewNames returns one that knows no network yet.
func NewNames(s Store) *Names { return &Names{store: s, lists: make(map[string]*list)} }

// Add lets names be found in a network that has them.
func (n *Names) Add(j *Membership) {
	if !j.Network.DNS {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lists[j.Network.Name] = &list{}
}

// Remove forgets a network.
func (n *Names) Remove(network string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.lists, network)
}

// Lookup gives the addresses of the containers that have a name, which is in lower
// case: their own, an alias, or the beginning of the id that ps shows.
func (n *Names) Lookup(name string) (addrs []netip.Addr, ok bool) {
	n.each(func(m *Member) bool {
		if m.called(name) && m.Alive() {
			for _, a := range m.Addresses() {
				if !slices.Contains(addrs, a) {
					addrs = append(addrs, a)
				}
			}
			ok = true
		}
		return true
	})
	return addrs, ok
}

// Reverse gives the name of the container that has an address.
func (n *Names) Reverse(a netip.Addr) (name string, ok bool) {
	n.each(func(m *Member) bool {
		if (m.IP4 == a || m.IP6 == a) && m.Alive() {
			name, ok = m.Name, true
		}
		return !ok
	})
	return name, ok
}

// shortID is how long an id is that stands for a container.
const shortID = 12

func (m *Member) called(name string) bool {
	return strings.EqualFold(m.Name, name) || name == m.ID[:shortID] || name == m.ID ||
		slices.ContainsFunc(m.Aliases, func(a string) bool { return strings.EqualFold(a, name) })
}

// each calls f for all members, until it returns false.
func (n *Names) each(f func(m *Member) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for network, l := range n.lists {
		l.renew(n.store, network)
		for i := range l.members {
			if !f(&l.members[i]) {
				return
			}
		}
	}
}

// settled is how long after a directory's change another one is sure to show in its
// time: file systems count it in ticks, of 10 ms at most.
const settled = 50 * time.Millisecond

// renew reads the facts again if they have changed.
func (l *list) renew(s Store, network string) {
	var st unix.Stat_t
	if unix.Stat(s.dir(network), &st) != nil {
		*l = list{}
		return
	}
	if l.fresh && st.Ino == l.ino && st.Mtim == l.seen {
		return
	}
	now := time.Now()
	members, err := s.facts(network)
	if err != nil {
		return
	}
	*l = list{seen: st.Mtim, ino: st.Ino, fresh: now.Sub(time.Unix(st.Mtim.Unix())) > settled, members: members}
}
