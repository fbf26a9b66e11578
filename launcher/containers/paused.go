package containers

import (
	"encoding/json"
	"fmt"

	"coracle/launcher/cgroup"
	"coracle/launcher/processes"
	"coracle/storage"
)

// Paused is the word for a container that runs, and whose processes were stopped
// (package pause).
const Paused = "paused"

// pausedFact is the fact that somebody stopped a container's processes, or was
// about to.
const pausedFact = "paused.json"

// Pause is the content of that fact. Whether the container is paused, the kernel
// says: see [Pause.Holds].
type Pause struct {
	Version int // 1
	// PID and Start are the first process: of another start it says nothing.
	PID   int
	Start string
	// Freezer is the directory of the control group that was frozen, empty when the
	// processes were sent SIGSTOP.
	Freezer string `json:",omitempty"`
	// Complete says that all processes stood. Without it somebody was interrupted.
	Complete bool
	// Stood are processes that had been stopped before by others, and are not to go
	// on when the container does.
	Stood []Process `json:",omitempty"`
}

// Process is one process, told from a later one of the same pid: see [StartTime].
type Process struct {
	PID   int
	Start string
}

// ReadPause reads the fact; ok only if there is one, of the container's present
// run.
func (c *Container) ReadPause() (p Pause, ok bool) {
	if c.PID == 0 {
		return p, false
	}
	p, ok = LastPause(c.Dir)
	return p, ok && p.PID == c.PID && p.Start == c.Start
}

// LastPause reads the fact of whatever run it is; ok only if there is one.
func LastPause(d *storage.Dir) (p Pause, ok bool) {
	b, err := d.ReadFact(pausedFact)
	if err != nil || json.Unmarshal(b, &p) != nil {
		return Pause{}, false
	}
	return p, p.Version == 1
}

// WritePause leaves the fact. It does not outlive the run, so it is not synced.
func (c *Container) WritePause(p Pause) error {
	p.Version, p.PID, p.Start = 1, c.PID, c.Start
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := (&storage.Dir{Path: c.Path}).WriteFact(pausedFact, append(b, '\n')); err != nil {
		return fmt.Errorf("container %s: cannot write down that it is paused: %w", c.ID[:12], err)
	}
	return nil
}

// RemovePause removes the fact.
func (c *Container) RemovePause() error {
	return (&storage.Dir{Path: c.Path}).RemoveFact(pausedFact)
}

// Holds tells whether the kernel still says what the fact says: that the
// container's processes do not go on.
func (p Pause) Holds() bool {
	if p.Freezer != "" {
		frozen, err := cgroup.Frozen(p.Freezer)
		return err == nil && frozen
	}
	return p.Complete && processes.Stopped(p.PID)
}
