package launcher

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"coracle/launcher/containers"
	"coracle/launcher/usernet"
	"coracle/slirp"
)

// hooks are what the container's network asks of its supervisor.
func (s *supervisor) hooks() slirp.Hooks {
	if s.denials == nil {
		s.denials = newDenials(s.req.Dir)
	}
	return slirp.Hooks{Denied: s.denials.note}
}

// mayBypass tells why a container may not have a way out that is not the user-mode
// network's, which alone keeps to the rules of --egress.
func (s *supervisor) mayBypass(j *usernet.Membership) error {
	o, err := slirp.Parse(s.req.Network)
	if err == nil && len(o.Egress) > 0 {
		err = fmt.Errorf("--egress conflicts with network %s: what leaves by the host's bridge is not looked at\n  fix: coracle network create, and a network without it", j.Network.Name)
	}
	return err
}

const (
	// mostAttempts bounds what is listed of denied attempts.
	mostAttempts = 256
	// betweenDenials is how long the list that was written last counts as new.
	betweenDenials = time.Second
)

// denials are what --egress has denied in this run. A container that tries all day
// costs a line, and a file a second.
type denials struct {
	dir   string
	mu    sync.Mutex
	list  containers.Denied
	at    map[slirp.Denial]int // places in it, by all but the time
	dirty bool
	busy  bool // somebody writes, or will
	// writing is held by who writes the file, so that an older list is never the last.
	writing sync.Mutex
}

func newDenials(dir string) *denials {
	_ = containers.RemoveDenied(dir)
	return &denials{dir: dir, at: make(map[slirp.Denial]int)}
}

// note takes note of one attempt. It waits for nobody.
func (d *denials) note(a slirp.Denial) {
	when := a.Time
	a.Time = time.Time{}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dirty = true
	i, known := d.at[a]
	switch {
	case known:
		d.list.Attempts[i].Count++
		d.list.Attempts[i].Last = when
	case len(d.list.Attempts) == mostAttempts:
		d.list.Others++
	default:
		d.at[a] = len(d.list.Attempts)
		t := containers.Attempt{First: when, Last: when, Count: 1, Protocol: a.Protocol, Port: a.Port, Name: a.Name}
		if a.Address.IsValid() {
			t.Address = a.Address.String()
		}
		d.list.Attempts = append(d.list.Attempts, t)
	}
	if !d.busy {
		d.busy = true
		go d.keep()
	}
}

// keep writes the list as long as there is something new.
func (d *denials) keep() {
	for {
		d.flush()
		time.Sleep(betweenDenials)
		d.mu.Lock()
		d.busy = d.dirty
		again := d.busy
		d.mu.Unlock()
		if !again {
			return
		}
	}
}

// flush writes the list if there is something new.
func (d *denials) flush() {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.mu.Lock()
	if !d.dirty {
		d.mu.Unlock()
		return
	}
	d.dirty = false
	list := d.list
	list.Attempts = slices.Clone(list.Attempts)
	d.mu.Unlock()
	_ = containers.WriteDenied(d.dir, list)
}
