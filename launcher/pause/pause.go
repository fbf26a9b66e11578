// Package pause stops all processes of a container, and lets them go on.
//
// A container with a control group of its own is frozen there. Without one its
// processes are sent SIGSTOP and SIGCONT, from outside: they are all in the
// container's pid namespace. A fact in the container's directory says that it was
// done, and how; whether it still is so, the kernel is asked each time
// (containers.Pause). Start from [Pause], [Unpause] and [While].
package pause

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"coracle/launcher/cgroup"
	"coracle/launcher/containers"
	"coracle/storage"
)

var (
	// ErrPaused says that a container is paused, and cannot do what was asked.
	ErrPaused = errors.New("container is paused")
	// ErrNotPaused says that a container runs, or does not, but is not paused.
	ErrNotPaused = errors.New("container is not paused")
	// ErrShared says that a container's processes cannot be told from others'.
	ErrShared = errors.New("container cannot be paused")
)

// Refuse is [ErrPaused] with what to do about it.
func Refuse(name string) error {
	return fmt.Errorf("%w: %s\n  fix: coracle unpause %s", ErrPaused, name, name)
}

// Pause stops the processes of a container and returns when they all stand; when
// that fails they go on. Errors: [ErrPaused] when it is already; [ErrShared];
// os.ErrProcessDone when it does not run.
func Pause(set containers.Set, c *containers.Container) error {
	unlock, err := Lock(c.Path, true)
	if err != nil {
		return err
	}
	defer unlock()
	if c, err = set.Find(c.ID); err != nil { // as it is now
		return err
	}
	switch {
	case c.PID == 0:
		return fmt.Errorf("container %s: %w", c.Name, os.ErrProcessDone)
	case c.Paused:
		return Refuse(c.Name)
	}
	group, err := cgroup.OfContainer(c.ID, c.PID)
	if err == nil {
		if dir, ok := group.Freezer(); ok {
			return freeze(c, dir)
		}
	}
	return stop(set, c)
}

// freeze says so before it does: whoever is interrupted leaves a fact that holds
// as far as the kernel agrees.
func freeze(c *containers.Container, dir string) error {
	if err := c.WritePause(containers.Pause{Freezer: dir, Complete: true}); err != nil {
		return err
	}
	if err := cgroup.Freeze(dir); err != nil {
		return errors.Join(fmt.Errorf("cannot pause container %s: %w", c.Name, err), cgroup.Thaw(dir), c.RemovePause())
	}
	return nil
}

// Unpause lets the processes of a container go on, also those that an interrupted
// [Pause] has stopped. Errors: [ErrNotPaused].
func Unpause(set containers.Set, c *containers.Container) error {
	unlock, err := Lock(c.Path, true)
	if err != nil {
		return err
	}
	defer unlock()
	if c, err = set.Find(c.ID); err != nil {
		return err
	}
	p, ok := c.ReadPause()
	if !ok {
		return fmt.Errorf("%w: %s", ErrNotPaused, c.Name)
	}
	return release(c, p)
}

// release undoes what the fact says, and removes it.
func release(c *containers.Container, p containers.Pause) error {
	if p.Freezer != "" {
		if err := cgroup.Thaw(p.Freezer); err != nil {
			return fmt.Errorf("cannot unpause container %s: %w", c.Name, err)
		}
		return c.RemovePause()
	}
	if p.Complete { // interrupted from here on, it is half paused
		p.Complete = false
		if err := c.WritePause(p); err != nil {
			return err
		}
	}
	if err := resume(c, p); err != nil {
		return fmt.Errorf("cannot unpause container %s: %w", c.Name, err)
	}
	return c.RemovePause()
}

// Deliver lets a paused container that was sent a signal act upon it. One that is
// not paused goes on as it does. SIGKILL ends stopped processes by itself, and those
// frozen by version 2, but not those frozen by version 1.
func Deliver(c *containers.Container, sig unix.Signal) error {
	if _, ok := c.ReadPause(); !ok {
		return nil
	}
	unlock, err := Lock(c.Path, true) // or who is just pausing it would go on doing so
	if err != nil {
		return err
	}
	defer unlock()
	p, ok := c.ReadPause()
	switch {
	case !ok:
		return nil
	case sig == unix.SIGKILL && p.Freezer != "":
		_ = cgroup.Thaw(p.Freezer) // it may have gone just now
		return nil
	case sig == unix.SIGKILL:
		return nil
	}
	return release(c, p)
}

// Forget lets go of what is left of a container whose supervisor was killed while it
// was paused: version 1's freezer holds its processes against the SIGKILL that they
// were sent then. The group is named for the container, so it is no other's.
func Forget(d *storage.Dir) {
	p, ok := containers.LastPause(d)
	if alive, err := d.Alive(); ok && p.Freezer != "" && err == nil && !alive {
		_ = cgroup.Thaw(p.Freezer)
	}
}

// While does something with a container whose processes stand meanwhile. One that
// does not run, or was paused before, is left as it is. Errors: those of [Pause],
// and what do returns.
func While(ctx context.Context, set containers.Set, c *containers.Container, do func() error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch err := Pause(set, c); {
	case errors.Is(err, ErrPaused), errors.Is(err, os.ErrProcessDone):
		return do()
	case err != nil:
		return err
	}
	defer func() {
		if uerr := Unpause(set, c); uerr != nil && !errors.Is(uerr, ErrNotPaused) {
			err = errors.Join(err, uerr)
		}
	}()
	return do()
}

// Lock keeps others from pausing and unpausing a container, whose directory is
// given: alone, or together with others that need it to stay as it is. It waits.
func Lock(dir string, alone bool) (unlock func(), err error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	for {
		if err = unix.Flock(fd, how); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
	}
	return func() { unix.Close(fd) }, nil
}
