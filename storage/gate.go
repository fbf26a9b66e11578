package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A Gate stands between launches, which choose layers and a moment later have
// them mounted, and those who remove images: in that moment nothing else tells
// that the layers are needed. Launches pass side by side; who removes passes
// alone, and is not kept waiting by launches that come after it.
//
// It is two bytes of a file, locked by open file descriptions (fcntl_locking(2),
// Linux 3.15): a lock lasts until the last copy of its descriptor is closed.
type Gate struct{ Data string } // [Paths.Data]

const (
	gateFile = "images.lock"
	// gateWait bounds how long a launch that got stuck keeps a removal waiting.
	gateWait = 30 * time.Second

	turnstile, passage = 0, 1 // the bytes
)

// Launch enters the gate to launch: no image is removed until what is returned,
// and every copy of it, is closed. It waits for a removal that is under way.
func (g Gate) Launch() (*os.File, error) {
	f, err := g.open()
	if err != nil {
		return nil, err
	}
	for _, step := range []struct{ kind, at int }{{unix.F_RDLCK, turnstile}, {unix.F_RDLCK, passage}, {unix.F_UNLCK, turnstile}} {
		if err := gateLock(f, unix.F_OFD_SETLKW, step.kind, step.at); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Remove enters the gate to remove images: no launch chooses layers until what is
// returned is closed, and those that had chosen some have them mounted.
func (g Gate) Remove() (*os.File, error) {
	f, err := g.open()
	if err != nil {
		return nil, err
	}
	if err := gateLock(f, unix.F_OFD_SETLKW, unix.F_WRLCK, turnstile); err != nil {
		f.Close()
		return nil, err
	}
	for deadline := time.Now().Add(gateWait); ; time.Sleep(time.Millisecond) {
		err := gateLock(f, unix.F_OFD_SETLK, unix.F_WRLCK, passage)
		if err == nil {
			return f, nil
		}
		busy := errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES)
		if !busy || time.Now().After(deadline) {
			f.Close()
			if busy {
				err = fmt.Errorf("a container is being started since %v; images are not removed meanwhile\n  fix: try again", gateWait)
			}
			return nil, err
		}
	}
}

func (g Gate) open() (*os.File, error) {
	path := filepath.Join(g.Data, gateFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(g.Data, 0o700); err == nil {
			f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		}
	}
	return f, err
}

func gateLock(f *os.File, cmd, kind, at int) error {
	l := unix.Flock_t{Type: int16(kind), Start: int64(at), Len: 1}
	for {
		if err := unix.FcntlFlock(f.Fd(), cmd, &l); err != unix.EINTR {
			if err != nil {
				return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
			}
			return nil
		}
	}
}
