//go:build containers_image_openpgp

package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"coracle/storage"
	"coracle/storage/record"

	"golang.org/x/sys/unix"
)

// A scratch is this run's directory for what is on its way in. Its lock says
// that its owner lives: the kernel drops it with the process, however that
// ends, and the next engine sweeps what nobody holds.
//
//	<scratch>/pull-XXXX/lock  held (flock) by the owner; beside it, its files
//	<scratch>/layers/ID       a layer that no image has yet (see hold)
//	<scratch>/sweep.lock      held while directories are swept and made
type scratch struct {
	root string // what all engines of this user share
	dir  string // ours
	lock *os.File
}

// A sweepable is the store, as far as sweeping goes.
type sweepable interface {
	DeleteLayer(id string) error
	GraphRoot() string
	ImageStore() string
}

// newScratch sweeps and makes a directory.
func newScratch(root string, store sweepable) (*scratch, error) {
	if !filepath.IsAbs(root) {
		return nil, failf(record.ErrUsage, "the request names no absolute scratch directory but %q", root)
	}
	s := &scratch{root: root}
	if err := s.make(store); err != nil {
		return nil, fmt.Errorf("cannot make a directory for the download: %w", err)
	}
	return s, nil
}

func (s *scratch) make(store sweepable) error {
	if err := os.MkdirAll(filepath.Join(s.root, "layers"), 0o700); err != nil {
		return err
	}
	// Without this lock another engine's sweep could take our directory in the
	// moment before its lock is held.
	gate, err := lockFile(filepath.Join(s.root, "sweep.lock"), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer gate.Close()
	s.sweep(store)
	if s.dir, err = os.MkdirTemp(s.root, "pull-"); err != nil {
		return err
	}
	s.lock, err = lockFile(filepath.Join(s.dir, "lock"), unix.LOCK_EX)
	return err
}

// close removes the directory. The lock goes last, so that no sweep ever sees a
// half-removed directory as its own work.
func (s *scratch) close() {
	os.RemoveAll(s.dir)
	_ = storage.Reserve{Data: filepath.Dir(s.root)}.Restore() // now that there is something to delete
	s.lock.Close()
}

// sweep removes what dead engines left: their files, layers that no image came
// to use, and half-unpacked ones.
func (s *scratch) sweep(store sweepable) {
	dirs, _ := filepath.Glob(filepath.Join(s.root, "pull-*"))
	for _, dir := range dirs {
		lock, err := lockFile(filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue
		}
		os.RemoveAll(dir)
		if lock != nil {
			lock.Close()
		}
	}
	s.sweepLayers(store)
	sweepStaging(stagingOf(store))
}

// unborn is how old a staging directory without a lock must be to be swept: its
// owner makes the lock a moment after the directory.
const unborn = time.Minute

// sweepStaging removes the overlay driver's staging directories whose owner, we
// or podman, is dead (drivers/overlay, pruneStagingDirectories: podman does the
// same when it ends). A live owner holds a record lock on staging.lock.
func sweepStaging(staging string) {
	dirs, _ := os.ReadDir(staging)
	for _, d := range dirs {
		dir := filepath.Join(staging, d.Name())
		lock, err := os.OpenFile(filepath.Join(dir, "staging.lock"), os.O_RDWR, 0)
		if err != nil {
			info, ierr := d.Info()
			if !errors.Is(err, os.ErrNotExist) || ierr != nil || time.Since(info.ModTime()) < unborn {
				continue
			}
			os.RemoveAll(dir)
			continue
		}
		if ok, err := ofdLock(lock, unix.F_WRLCK); ok && err == nil {
			os.RemoveAll(dir)
		}
		lock.Close()
	}
}

// lockFile opens path, creating it, and locks it. flock(2) locks belong to the
// open file, so no other close in this process drops it (as fcntl locks would).
func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
