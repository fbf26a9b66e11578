package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/pause"
	"coracle/storage"
	"coracle/storage/volume"
	"coracle/userns"
)

// SweepName is the argv[0] under which the program deletes what nobody owns: the
// files belong to subordinate ids, so it has to be mapped root.
const SweepName = "coracle-sweep"

// Removal says which containers to remove.
type Removal struct {
	Names []string // names, ids or beginnings of ids
	All   bool
	// Force kills running containers first; without it they are an error.
	Force bool
	// Time is how long they may take to stop before that; nil is no time.
	Time *time.Duration
	// Stopped leaves running ones out: that is no error.
	Stopped bool
	// Ignore makes unknown names no error.
	Ignore bool
	// Volumes removes the anonymous volumes that were made for them, too.
	Volumes bool
}

// killWait bounds how long a killed container may take to end.
const killWait = 10 * time.Second

// Remove removes containers and calls done with each one's name as it was given.
// It goes on after an error and returns all of them.
func Remove(ctx context.Context, r Removal, done func(name string)) error {
	grant, err := userns.Lookup(ctx)
	if err != nil {
		return err
	}
	paths, err := storage.FindPaths(grant.UID, os.Getenv)
	if err != nil {
		return err
	}
	if err := paths.MakeRun(); err != nil {
		return err
	}
	c := storage.Containers{Data: paths.Data}
	names := r.Names
	if r.All {
		all, err := c.List()
		if err != nil {
			return err
		}
		for _, d := range all {
			names = append(names, d.ID)
		}
	}
	var errs []error
	removed := false
	for _, name := range names {
		var err error
		if r.Force && r.Time != nil {
			err = (&Containers{Set: containers.Set{Containers: c}, run: paths.Run}).Stop(ctx, name, r.Time)
		}
		if err == nil {
			err = removeOne(c, name, r)
		}
		switch {
		case r.Stopped && errors.Is(err, storage.ErrRunning):
		case err == nil:
			removed = true
			done(name)
		case !r.Ignore && !r.All || !errors.Is(err, storage.ErrNoContainer): // with All, it went meanwhile
			errs = append(errs, err)
		}
	}
	if removed {
		l := &launch{grant: grant, paths: paths}
		errs = append(errs, l.sweep(ctx))
		sweepControl(paths.Run, c)
	}
	return errors.Join(errs...)
}

func removeOne(c storage.Containers, name string, r Removal) error {
	d, err := c.Lookup(name)
	if err != nil {
		return err
	}
	if r.Force {
		if err := kill(d); err != nil {
			return fmt.Errorf("cannot kill container %s: %w", name, err)
		}
	} else if err := settle(d); err != nil {
		return err
	} else if d, err = c.Lookup(name); err != nil {
		return err // a throw-away container that just ended
	}
	gone, _ := containers.Set{Containers: c}.Find(d.ID) // for those who hear of it
	pause.Forget(d)
	err = c.Trash(d)
	for end := time.Now().Add(killWait); r.Force && errors.Is(err, storage.ErrRunning) && !errors.Is(err, storage.ErrInUse) && time.Now().Before(end); {
		// It was started after it was killed.
		if err = kill(d); err == nil {
			err = c.Trash(d)
		}
	}
	switch {
	case errors.Is(err, storage.ErrNoContainer):
		return nil // a throw-away container that went by itself
	case errors.Is(err, storage.ErrInUse):
		return fmt.Errorf("%w\n  fix: wait for it, or unmount it in coracle unshare", err)
	case errors.Is(err, storage.ErrRunning):
		return fmt.Errorf("%w\n  fix: coracle rm -f %s", err, name)
	case err != nil:
		return err
	}
	if gone != nil {
		events.Write(c.Data, containerEvent(gone, events.Remove, nil))
	}
	if r.Volumes {
		releaseVolumes(c, d)
	}
	return d.Lock.Close()
}

// kill ends a running container and waits until nobody holds its lock.
func kill(d *storage.Dir) error {
	_ = containers.AskStop(d) // or it might be run again
	for deadline := time.Now().Add(killWait); ; time.Sleep(time.Millisecond) {
		alive, err := d.Alive()
		if err != nil || !alive {
			return err
		}
		if s, ok := containers.ReadState(d); ok && s.Process(false) {
			pidfd, err := unix.PidfdOpen(s.PID, 0)
			if err == nil && s.Process(false) {
				_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
				_ = pause.Deliver(&containers.Container{Dir: d, PID: s.PID, Start: s.Start}, unix.SIGKILL)
			}
			if err == nil {
				unix.Close(pidfd)
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it did not end within %v of SIGKILL", killWait)
		}
	}
}

// sweep deletes what is in the trash.
func (l *launch) sweep(ctx context.Context) error {
	request, err := json.Marshal(storage.Containers{Data: l.paths.Data})
	if err != nil {
		return err
	}
	return l.helper(ctx, SweepName, request)
}

// Sweep is the main function of [SweepName].
func Sweep() int {
	return helperMain(func(ctx context.Context) error {
		var c storage.Containers
		if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
			return fmt.Errorf("cannot read the request: %w", err)
		}
		return errors.Join(volume.Store{Data: c.Data}.Sweep(ctx), c.Reap(ctx))
	})
}
