package launcher

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/pause"
	"coracle/storage"
)

// Pause stops all processes of a container. Errors: storage.ErrNoContainer,
// [ErrNotRunning], pause.ErrPaused, pause.ErrShared.
func (c *Containers) Pause(name string) error {
	x, err := c.Running(name)
	if err != nil {
		return err
	}
	if err := pause.Pause(c.Set, x); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			_, err = c.Running(name)
		}
		return err
	}
	c.Event(x, events.Pause, nil)
	return nil
}

// Unpause lets them go on. Errors: storage.ErrNoContainer, [ErrNotRunning],
// pause.ErrNotPaused.
func (c *Containers) Unpause(name string) error {
	x, err := c.Running(name)
	if err != nil {
		return err
	}
	if err := pause.Unpause(c.Set, x); err != nil {
		return err
	}
	c.Event(x, events.Unpause, nil)
	return nil
}

// deliver lets a paused container act upon the signal that it was sent, if that is
// to end it: as with docker, such a container goes on. Others wait until it does.
func deliver(x *containers.Container, sig unix.Signal) (went bool, err error) {
	if sig != unix.SIGKILL && int(sig) != stopSignal(x) {
		return false, nil
	}
	err = pause.Deliver(x, sig)
	return err == nil, err
}

// stopSignal is the signal that asks a container to stop. A new one's record may
// not be there yet.
func stopSignal(x *containers.Container) int {
	if x.Intent.StopSignal == 0 {
		return int(unix.SIGTERM)
	}
	return x.Intent.StopSignal
}

// kill ends the supervisor's own container, also a paused one.
func (s *supervisor) kill() {
	_ = s.inside(func() error {
		if err := unix.PidfdSendSignal(s.pidfd, unix.SIGKILL, nil, 0); err != nil {
			return err
		}
		d := &storage.Dir{Path: s.req.Dir, ID: filepath.Base(s.req.Dir), Name: s.req.Name}
		return pause.Deliver(&containers.Container{Dir: d, PID: s.pid, Start: containers.StartTime(s.pid)}, unix.SIGKILL)
	})
}

// unpaused is the function of that name for the supervisor's own container.
func (s *supervisor) unpaused() (release func(), err error) {
	d := &storage.Dir{Path: s.req.Dir, ID: filepath.Base(s.req.Dir), Name: s.req.Name}
	return unpaused(&containers.Container{Dir: d, PID: s.pid, Start: containers.StartTime(s.pid)})
}

// unpaused keeps a container from being paused until release is called. Errors:
// pause.ErrPaused.
func unpaused(x *containers.Container) (release func(), err error) {
	release, err = pause.Lock(x.Path, false)
	if err != nil {
		return nil, err
	}
	if p, ok := x.ReadPause(); ok && p.Holds() {
		release()
		return nil, pause.Refuse(x.Name)
	}
	return release, nil
}
