package egress

import (
	"net/netip"
	"time"
)

// Given are the addresses that a container was given for names. The zero value is
// ready to use, by one thread.
type Given struct {
	all map[netip.Addr][]given
	// sessions are exchanges of datagrams that began while an address was open.
	sessions map[netip.AddrPort]time.Time
}

// given is one name of an address.
type given struct {
	name  string
	until time.Time
}

// Bounds of the table. What does not fit takes the place of something: a container
// that asks for too much loses what it asked for before.
const (
	mostAddrs    = 4096
	mostNames    = 8 // of one address
	mostSessions = 1024
)

// Times. Programs use an address for a while after its time is over: the resolver
// of one keeps it, another pauses between two connections.
const (
	leastTime   = 60 * time.Second
	mostTime    = 24 * time.Hour
	grace       = 30 * time.Second
	sessionTime = 3 * time.Minute // as long as the stack keeps a flow of datagrams
)

// Note takes note of an address that was given for a name.
func (g *Given) Note(now time.Time, name string, a netip.Addr, ttl time.Duration) {
	if g.all == nil {
		g.all = make(map[netip.Addr][]given)
	}
	until := now.Add(min(max(ttl+grace, leastTime), mostTime))
	list, known := g.all[a]
	if !known && len(g.all) >= mostAddrs {
		g.sweep(now)
	}
	at := len(list)
	for i, n := range list {
		if n.name == name {
			at = i
			until = later(until, n.until)
			break
		}
	}
	switch {
	case at < len(list):
		list = append(list[:at], list[at+1:]...)
	case len(list) >= mostNames:
		list = append(list[:0], list[1:]...)
	}
	g.all[a] = append(list, given{name, until}) // the last one is the latest
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sweep makes room: of all that is over, and when that is not enough of some.
func (g *Given) sweep(now time.Time) {
	for a, list := range g.all {
		over := true
		for _, n := range list {
			over = over && n.until.Before(now)
		}
		if over {
			delete(g.all, a)
		}
	}
	shrink(g.all, mostAddrs)
}

// shrink takes a full table down to less, so that the next does not fill it at once.
func shrink[K comparable, V any](table map[K]V, most int) {
	for k := range table {
		if len(table) <= most-most/8 {
			return
		}
		delete(table, k)
	}
}

// Name is the name for which an address was given last, "" for none.
func (g *Given) Name(a netip.Addr) string {
	if list := g.all[a]; len(list) > 0 {
		return list[len(list)-1].name
	}
	return ""
}

// Allows tells whether the policy opens a port of an address that was given for a
// name. Datagrams may go on for as long as they do.
func (g *Given) Allows(now time.Time, p *Policy, protocol string, to netip.AddrPort) bool {
	for _, n := range g.all[to.Addr()] {
		if n.until.After(now) && p.Name(n.name, protocol, to) {
			if protocol == "udp" {
				g.began(now, to)
			}
			return true
		}
	}
	if until, ok := g.sessions[to]; ok && protocol == "udp" && until.After(now) {
		g.began(now, to)
		return true
	}
	return false
}

func (g *Given) began(now time.Time, to netip.AddrPort) {
	if g.sessions == nil {
		g.sessions = make(map[netip.AddrPort]time.Time)
	}
	if _, known := g.sessions[to]; !known && len(g.sessions) >= mostSessions {
		for old, until := range g.sessions {
			if until.Before(now) {
				delete(g.sessions, old)
			}
		}
		shrink(g.sessions, mostSessions)
	}
	g.sessions[to] = now.Add(sessionTime)
}
