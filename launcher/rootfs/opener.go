package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/storage"
	"coracle/storage/engine/containerfs"
	"coracle/storage/record"
	"coracle/userns"
)

// ErrElsewhere says that a running container was started in another base user
// namespace than this process is in, so that its files are out of reach.
var ErrElsewhere = errors.New("the container runs in another base user namespace")

// Layers finds an image's layers, top first, and the directory that their links
// are relative to.
type Layers func(ctx context.Context, imageID string) (dir string, layers []record.Layer, err error)

// Opener opens root file systems.
type Opener struct {
	Set    containers.Set
	Layers Layers
	// Note is told what a user should know, a line each.
	Note func(string)
}

// Want says what a root is opened for.
type Want int

// What a root is opened for.
const (
	// Bare is the root file system alone, to be read: no volumes, no /proc.
	Bare Want = iota
	// Files is all that the container sees, to be read.
	Files
	// Write is all that it sees, to be changed.
	Write
)

// Root is an open root file system.
type Root struct {
	containerfs.Root
	// OneMount says that other file systems are mounted in it which were not asked
	// for.
	OneMount  bool
	Container *containers.Container
	release   []func()
}

// Close lets go of it.
func (r *Root) Close() {
	for i := len(r.release) - 1; i >= 0; i-- {
		r.release[i]()
	}
	r.release = nil
}

func (r *Root) onClose(f func()) { r.release = append(r.release, f) }

// settleTime is how long a container may take to start or to end, while there is
// no process and yet somebody holds its lock.
const settleTime = 10 * time.Second

// Open opens the root file system of a container, named as the user did. Errors:
// storage.ErrNoContainer, [ErrElsewhere], storage.ErrInUse.
func (o *Opener) Open(ctx context.Context, name string, want Want) (*Root, error) {
	for end := time.Now().Add(settleTime); ; {
		c, err := o.Set.Find(name)
		if err != nil {
			return nil, err
		}
		var r *Root
		switch {
		case c.Running && c.PID > 0:
			r, err = o.running(c, want)
		case c.Running && elsewhere(c):
			err = fmt.Errorf("%w: %s", ErrElsewhere, name)
		case c.Running:
			err = fmt.Errorf("%w: %s", storage.ErrRunning, name)
		default:
			r, err = o.stopped(ctx, c, want)
		}
		again := errors.Is(err, storage.ErrRunning) || errors.Is(err, errGone) || errors.Is(err, storage.ErrInUse)
		if !again || time.Now().After(end) || ctx.Err() != nil {
			return r, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// elsewhere tells a running container whose process is there but not in this base
// namespace from one that is just starting or ending.
func elsewhere(c *containers.Container) bool {
	state, ok := containers.ReadState(c.Dir)
	return ok && state.Exists() && containers.StartTime(state.PID) == state.Start
}

// errGone says that the process ended while its root was opened.
var errGone = errors.New("the container ended just now")

// running opens the root of a running container through its first process.
func (o *Opener) running(c *containers.Container, want Want) (*Root, error) {
	// The descriptor keeps the number from being another process's; the start time
	// says whose it is.
	pidfd, err := unix.PidfdOpen(c.PID, 0)
	if err != nil {
		return nil, errGone
	}
	defer unix.Close(pidfd)
	r := &Root{Container: c}
	proc := fmt.Sprintf("/proc/%d/root", c.PID)
	fd, err := unix.Open(proc, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if containers.StartTime(c.PID) != c.Start {
		if err == nil {
			unix.Close(fd)
		}
		return nil, errGone
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the root of container %s: %w", c.ID[:12], err)
	}
	r.FD = fd
	r.onClose(func() { unix.Close(r.FD) })
	if r.Owners, err = ownersOf(c.PID); err != nil {
		r.Close()
		return nil, err
	}
	if want == Bare {
		r.OneMount = true
		if bare := o.bare(c, fd); bare >= 0 {
			unix.Close(fd)
			r.FD = bare
		}
	}
	return r, nil
}

// bare opens the root file system without what is mounted in it, as the container's
// supervisor has it in its own mount namespace; -1 when that is not it.
func (o *Opener) bare(c *containers.Container, root int) int {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/root%s", containers.Parent(c.PID), c.Root()), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	var seen, bare unix.Stat_t
	if unix.Fstat(root, &seen) != nil || unix.Fstat(fd, &bare) != nil || seen.Dev != bare.Dev || seen.Ino != bare.Ino {
		unix.Close(fd) // --rootfs, which is not mounted anywhere else; or a changed root
		return -1
	}
	return fd
}

// ownersOf are the maps of a running container's user namespace.
func ownersOf(pid int) (containerfs.Owners, error) {
	var own, its unix.Stat_t
	if err := unix.Stat("/proc/self/ns/user", &own); err != nil {
		return containerfs.Owners{}, err
	}
	if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/user", pid), &its); err != nil {
		return containerfs.Owners{}, errGone
	}
	if own.Ino == its.Ino && own.Dev == its.Dev {
		return containerfs.Owners{}, nil // --userns host
	}
	uids, gids, err := userns.MapsOf(pid)
	if errors.Is(err, os.ErrNotExist) {
		err = errGone
	}
	return containerfs.Owners{UIDs: uids, GIDs: gids}, err
}
