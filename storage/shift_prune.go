package storage

import (
	"context"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The file of one open file description (see lock.go) locks any number of trees:
// a byte each, at an offset that the tree's name gives. So a supervisor keeps an
// image's trees with one descriptor, and those of other images can be pruned
// meanwhile. Two names with one offset only make the one seem to be in use.

const shiftedLock = "lock"

// lockShifted locks the bytes of trees: F_RDLCK for those who use them, who
// wait for whoever removes one.
func lockShifted(dir string, names []string, kind int16) (*os.File, error) {
	f, err := openLock(filepath.Join(dir, shiftedLock), true)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := lockTree(f, name, kind, unix.F_OFD_SETLKW); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

func lockTree(f *os.File, name string, kind int16, how int) error {
	h := fnv.New64a()
	h.Write([]byte(name))
	at := unix.Flock_t{Type: kind, Start: int64(h.Sum64() >> 2), Len: 1}
	_, err := ignoringEINTR(func() (int, error) { return 0, unix.FcntlFlock(f.Fd(), how, &at) })
	if err == nil || err == unix.EAGAIN || err == unix.EACCES {
		return err
	}
	return wrapLock(f, err)
}

// PruneShifted removes the trees of layers that keep does not want, by the
// layer's id in the store, and what was left unfinished. What is in use or being
// made stays. It runs as mapped root, goes on after an error and returns the
// first ones. Data is [Paths.Data].
func PruneShifted(ctx context.Context, data string, keep func(layerID string) bool) error {
	dir := filepath.Join(data, shiftedDir)
	names, err := readDir(dir)
	if err != nil || len(names) == 0 {
		return err
	}
	lock, err := lockShifted(dir, nil, unix.F_WRLCK)
	if err != nil {
		return err
	}
	defer lock.Close()
	for _, name := range names {
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if name == shiftedLock {
			continue
		}
		id, _, _ := strings.Cut(name, "-")
		switch {
		case strings.HasPrefix(name, newPrefix):
			err = errors.Join(err, pruneUnfinished(ctx, filepath.Join(dir, name)))
		case strings.HasPrefix(name, dotPrefix):
			err = errors.Join(err, removeTree(ctx, filepath.Join(dir, name)))
		case !keep(id):
			err = errors.Join(err, pruneTree(ctx, lock, dir, name))
		}
	}
	return err
}

// pruneTree renames first: there is never half a tree under its name.
func pruneTree(ctx context.Context, lock *os.File, dir, name string) error {
	switch err := lockTree(lock, name, unix.F_WRLCK, unix.F_OFD_SETLK); err {
	case nil:
	case unix.EAGAIN, unix.EACCES:
		return nil // in use
	default:
		return err
	}
	path, hidden := filepath.Join(dir, name), filepath.Join(dir, gonePrefix+name)
	if unix.Rename(path, hidden) == nil {
		path = hidden
		// Who waits for the tree sees now that it is gone.
		if err := lockTree(lock, name, unix.F_UNLCK, unix.F_OFD_SETLK); err != nil {
			return err
		}
	}
	return removeTree(ctx, path) // of what is not there any more it says nothing
}

func pruneUnfinished(ctx context.Context, path string) error {
	lock, err := lockDir(path, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.ENOENT) {
		return nil // being made; finished just now
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if !sameFile(lock, path) {
		return nil
	}
	return removeTree(ctx, path)
}
