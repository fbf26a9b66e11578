package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrInUse says that another command is busy with the files of a stopped
// container, or has them mounted. Like an [ErrRunning], which it is to errors.Is,
// it keeps the container from being started and removed.
var ErrInUse error = inUse{}

type inUse struct{}

func (inUse) Error() string        { return "container is in use by another command" }
func (inUse) Is(target error) bool { return target == ErrRunning }

// Hold keeps a stopped container as it is: nobody starts or removes it until what
// is returned is closed. Any number may hold it to read; with write, nobody else
// who writes does. Errors: [ErrRunning], [ErrInUse], [ErrNoContainer].
func (d *Dir) Hold(write bool) (*Held, error) {
	path := filepath.Join(d.Path, lockFile)
	f, err := openLock(path, false)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("%w: %s", ErrNoContainer, d.label())
	}
	if err != nil {
		return nil, err
	}
	h := &Held{Life: f}
	mine, err := tryLock(f, unix.F_RDLCK)
	switch {
	case err != nil:
	case !mine:
		err = fmt.Errorf("%w: %s", ErrRunning, d.label())
	case !sameFile(f, path):
		err = fmt.Errorf("%w: %s", ErrNoContainer, d.label())
	case write:
		// Two overlays with one upper directory damage it.
		h.Upper, err = lockDir(d.Upper(), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w: %s", ErrInUse, d.label())
		}
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Held is a hold on a stopped container: open files, whose locks last as long as
// a copy of each is open anywhere.
type Held struct {
	Life  *os.File // of the container's lock, shared
	Upper *os.File // of the directory that is written to, or nil
}

// Close lets go.
func (h *Held) Close() error {
	for _, f := range []*os.File{h.Life, h.Upper} {
		if f != nil {
			f.Close()
		}
	}
	return nil
}
