// Package containers tells what containers a user has, from facts: their
// directories, the locks that living supervisors hold, and what was asked when
// they were made. It changes nothing. Start from [Set.List] and [Set.Find].
package containers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"coracle/storage"
	"coracle/storage/volume"
	"coracle/userns"
)

// IntentFact and SpecFact are the facts of a container that is kept: what was
// asked, and the runtime specification it became. docs/formats.md has them.
const (
	IntentFact = "intent.json"
	SpecFact   = "spec.json"
)

// Intent is the content of [IntentFact].
type Intent struct {
	Version int // 1
	Created time.Time
	Image   string `json:",omitempty"` // as asked for
	ImageID string `json:",omitempty"`
	// ImageDigest is of the image's manifest, ImageSize what it takes unpacked, in
	// bytes, ExposedPorts are its ports: "80/tcp".
	ImageDigest  string   `json:",omitempty"`
	ImageSize    int64    `json:",omitempty"`
	ExposedPorts []string `json:",omitempty"`
	// CreateCommand is the command line that made it.
	CreateCommand []string `json:",omitempty"`
	User          string   `json:",omitempty"` // --user
	// UIDs and GIDs are the ids of its files: from container to base ids. Empty:
	// base ids.
	UIDs, GIDs  userns.IDMap      `json:",omitempty"`
	Rootfs      string            `json:",omitempty"`
	Args        []string          // the command line after run
	Options     json.RawMessage   `json:",omitempty"` // all of it, as package launcher/intent has it
	Entrypoint  []string          `json:",omitempty"`
	Cmd         []string          `json:",omitempty"`
	TTY         bool              `json:",omitempty"`
	Interactive bool              `json:",omitempty"`
	Network     string            `json:",omitempty"`
	Seccomp     string            `json:",omitempty"` // "", "unconfined" or the path of a profile
	Cwd         string            // where relative paths begin
	LogDriver   string            `json:",omitempty"` // empty: no log is kept
	LogPath     string            `json:",omitempty"` // where it is; empty: in the container's directory
	Labels      map[string]string `json:",omitempty"`
	StopSignal  int
	StopTimeout float64 // seconds, negative for ever
	// Restart is the restart policy as the flag has it, empty for none.
	Restart string `json:",omitempty"`
	// Health is what is checked, as package launcher/intent has it; nil: nothing.
	Health json.RawMessage `json:",omitempty"`
}

// Command is what is executed.
func (i *Intent) Command() []string { return slices.Concat(i.Entrypoint, i.Cmd) }

// Set is the containers of one user.
type Set struct {
	storage.Containers
	// Inside says that the caller is mapped root of the base user namespace.
	Inside bool
}

// Container is one container as it was when it was looked at.
type Container struct {
	*storage.Dir
	// Intent is what was asked; of a throw-away container only ImageID is known.
	Intent Intent
	// Running says that a supervisor held the container's lock.
	Running bool
	// PID is the first process, 0 when there is none, or not yet. Start tells it
	// from a later process of the same pid: see [StartTime].
	PID   int
	Start string
	// Paused says that it runs, and that its processes do not go on.
	Paused bool
	// Mounts is what was mounted because somebody asked for it.
	Mounts []volume.Mount
	// Started is when it was started last, zero if it never was; Exit how it ended
	// last, nil while it runs.
	Started time.Time
	Exit    *Exit
	// Restarts is how often it was run again since somebody started it.
	Restarts Restarts
	// Err says why the intent cannot be read; the container is there all the same.
	Err error
}

// List returns all containers, in no order: kept ones, and throw-away ones that
// are alive.
func (s Set) List() ([]*Container, error) {
	dirs, err := s.Containers.List()
	if err != nil {
		return nil, err
	}
	var all []*Container
	for _, d := range dirs {
		c, err := s.look(d)
		if err != nil {
			return nil, err
		}
		if !c.gone() {
			all = append(all, c)
		}
	}
	return all, nil
}

// Find looks a container up by id, name or the beginning of an id. Errors:
// storage.ErrNoContainer, storage.ErrAmbiguous.
func (s Set) Find(ref string) (*Container, error) {
	d, err := s.Lookup(ref)
	if err != nil {
		return nil, err
	}
	c, err := s.look(d)
	if err == nil && c.gone() {
		return nil, fmt.Errorf("%w: %.80q\n  fix: coracle ps -a   (the names in use)", storage.ErrNoContainer, ref)
	}
	return c, err
}

// gone tells that it was removed, or a throw-away one has ended, while it was
// looked at.
func (c *Container) gone() bool {
	if !c.Keep {
		return !c.Running
	}
	return c.Err != nil && !c.Running && c.Gone()
}

// endingWait bounds how long a supervisor whose container has ended is waited
// for; it takes milliseconds.
const endingWait = time.Second

func (s Set) look(d *storage.Dir) (*Container, error) {
	c := &Container{Dir: d}
	var state State
	var ok bool
	// Who ran it may have heard of its end before the supervisor has written it down.
	for deadline := time.Now().Add(endingWait); ; time.Sleep(time.Millisecond) {
		var err error
		if c.Running, err = d.Alive(); err != nil {
			return nil, fmt.Errorf("cannot tell whether container %s is running: %w", d.ID, err)
		}
		state, ok = ReadState(d)
		c.Restarts = ReadRestarts(d)
		if !c.Running || !ok || c.Restarts.Waiting || state.Exists() || time.Now().After(deadline) {
			break
		}
	}
	if ok && c.Running && state.Process(s.Inside) {
		c.PID, c.Start = state.PID, state.Start
	}
	switch b, err := d.ReadFact(IntentFact); {
	case err == nil:
		if err := json.Unmarshal(b, &c.Intent); err != nil {
			c.Err = fmt.Errorf("container %s: its record %s is damaged: %w\n  fix: coracle rm %s", d.ID, IntentFact, err, d.ID)
		}
	case errors.Is(err, fs.ErrNotExist) && d.Keep && c.Running:
		c.Err = fmt.Errorf("container %s is being made or removed just now\n  fix: run the command again", d.ID)
	case !errors.Is(err, fs.ErrNotExist) || d.Keep:
		c.Err = fmt.Errorf("container %s: its record cannot be read: %w", d.ID, err)
	}
	if p, ok := c.ReadPause(); ok {
		c.Paused = p.Holds()
	}
	c.history(ok)
	if c.Running && c.PID == 0 && c.Exit != nil { // it has ended since it was looked at
		c.Restarts = ReadRestarts(d)
	}
	if claim, err := volume.ReadClaim(d); err == nil {
		c.Mounts = claim.Mounts
	}
	if c.Intent.ImageID == "" && ok {
		c.Intent.ImageID = state.Image
	}
	return c, nil
}
