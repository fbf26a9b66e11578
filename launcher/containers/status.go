package containers

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The words for what a container does, docker's and podman's.
const (
	Created = "created" // never started, or not yet
	Running = "running"
	Exited  = "exited"
	// Restarting is docker's: its supervisor waits before it runs it again.
	Restarting = "restarting"
)

// Status is one of the words above.
func (c *Container) Status() string {
	switch {
	case c.Paused:
		return Paused
	case c.PID != 0:
		return Running
	case c.Running && c.Restarts.Waiting:
		return Restarting
	case c.Exit != nil:
		return Exited
	}
	return Created
}

// killed is the status of a container that went down with its supervisor: the
// kernel sends it SIGKILL then.
const killed = 128 + int(unix.SIGKILL)

// history finds out when the container was started last, and how it ended.
// stated says that there is a state fact: its age is that of the last start.
func (c *Container) history(stated bool) {
	if stated {
		if fi, err := os.Stat(filepath.Join(c.Path, stateFact)); err == nil {
			c.Started = fi.ModTime()
		}
	}
	if c.PID != 0 {
		return
	}
	e, ok := ReadExit(c.Dir)
	switch {
	case ok && !e.Started.Before(c.Started.Add(-startSlack)):
		c.Started, c.Exit = e.Started, &e
	case c.Running:
		// It is starting, or it has just ended.
	case stated:
		c.Exit = &Exit{Status: killed, Started: c.Started}
	case ok:
		c.Exit = &e
	}
}

// startSlack is how much later than the start its fact may have been written.
const startSlack = 2 * time.Second
