package launcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
)

// endings are signals that are sent to end something. Whoever sends one of them, or
// the container's own stop signal, does not want it to be run again; who sends
// another, to have files read again say, does. (In podman any signal that
// `kill` sends ends the restart policy, for good.)
var endings = []unix.Signal{unix.SIGKILL, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT}

// askStop leaves the fact that somebody wants a container to end, for its
// supervisor not to run it again. Without a restart policy it is only for those
// who ask later: that it cannot be written is no reason not to stop.
func askStop(x *containers.Container, sig unix.Signal) error {
	if !slices.Contains(endings, sig) && sig != unix.Signal(x.Intent.StopSignal) {
		return nil
	}
	if err := containers.AskStop(x.Dir); err != nil && x.Intent.Restart != "" {
		return fmt.Errorf("cannot end container %s, which would be run again: its stop cannot be noted: %w", x.Name, err)
	}
	return nil
}

// ErrRestarting says that a container does not run just now, and will.
var ErrRestarting = errors.New("container is restarting")

// EndRestarts ends the waiting of a container that is about to be run again,
// which a signal cannot. not ok: it does not wait, or the signal is not one to
// end it.
func (c *Containers) EndRestarts(x *containers.Container, sig unix.Signal) (ok bool, err error) {
	if x.Status() != containers.Restarting || !slices.Contains(endings, sig) && sig != unix.Signal(x.Intent.StopSignal) {
		return false, nil
	}
	return true, askStop(x, sig)
}

// end sends a signal that is to end a container, and waits until it has ended; a
// negative time is for ever. A run that began just before the supervisor could
// hear of it gets the signal, too.
func (c *Containers) end(ctx context.Context, x *containers.Container, sig unix.Signal, wait time.Duration) (ended bool, err error) {
	if err := askStop(x, sig); err != nil {
		return false, err
	}
	for deadline := time.Now().Add(wait); ; {
		if x.PID != 0 {
			if err := ignoreNotRunning(c.Signal(x, sig)); err != nil {
				return false, err
			}
		}
		if ended, err := c.gone(ctx, x, wait); ended || err != nil {
			return ended, err
		}
		if wait > 0 {
			if wait = time.Until(deadline); wait <= 0 {
				return false, nil
			}
		}
		y, err := c.Find(x.ID)
		if err != nil || !y.Running {
			return err == nil, err
		}
		x = y
	}
}

// another tells that a container has another first process than the one known.
func another(x *containers.Container) bool {
	if x.Intent.Restart == "" && x.Intent.Health == nil {
		return false
	}
	s, ok := containers.ReadState(x.Dir)
	return ok && (s.PID != x.PID || s.Start != x.Start) && s.Process(false)
}
