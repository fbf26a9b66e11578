package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Trash removes a container from sight: its directory moves to the trash, its
// name is free. It takes the lock unless d holds it, and d keeps it. One rename
// is all that the status of a --rm container waits for; Empty or a later Reap,
// which run as mapped root, delete.
//
// No free space is needed: when even the rename finds none, the directory stays
// where it is under a name that marks it as garbage.
//
// Errors: [ErrRunning], [ErrNoContainer].
func (c Containers) Trash(d *Dir) error {
	if d.Lock == nil {
		if err := d.Acquire(); err != nil {
			return err
		}
	}
	moved, err := c.discardable(d.Path, d.ID)
	if err != nil {
		return fmt.Errorf("cannot remove container %s: %w", d.label(), err)
	}
	d.Path = moved
	_ = c.dropName(d) // if that fails, the name is free all the same: see reserve
	return nil
}

// discardable renames a directory to where garbage is, and returns where.
func (c Containers) discardable(path, id string) (string, error) {
	trash := filepath.Join(c.Data, trashDir, id)
	err := unix.Rename(path, trash)
	if err == unix.ENOENT && os.Mkdir(filepath.Dir(trash), 0o700) == nil {
		err = unix.Rename(path, trash)
	}
	if err == nil {
		return trash, nil
	}
	// A directory cannot be moved to another one when that has to grow on a
	// full disk, or when a dead namesake is still there: rename it in place.
	hidden := filepath.Join(filepath.Dir(path), gonePrefix+id)
	if err2 := unix.Rename(path, hidden); err2 != nil {
		return "", &os.PathError{Op: "rename", Path: path, Err: err}
	}
	return hidden, nil
}

// Empty deletes one container's directory after Trash, as mapped root, and closes
// the lock. What is mounted there has to be unmounted before.
func (c Containers) Empty(ctx context.Context, d *Dir) error {
	defer d.release()
	return removeTree(ctx, d.Path)
}

// Reap deletes what nobody owns: the trash, throw-away containers whose lock is
// free, directories that were never finished, names of containers that are
// gone. It runs as mapped root, for the files belong to subordinate ids. Any
// number of processes may reap, create and remove at once. It goes on after an
// error and returns the first ones.
func (c Containers) Reap(ctx context.Context) error {
	return errors.Join(
		c.reapUnfinished(keptDir), // to the trash, so before that is emptied
		c.ReapScratch(ctx),
		c.reap(ctx, keptDir, gonePrefix),
		c.reapNames(ctx),
		c.reapProbes(ctx),
	)
}

// ReapScratch is the part of Reap that does not grow with the number of kept
// containers: every supervisor does it when it ends.
func (c Containers) ReapScratch(ctx context.Context) error {
	return errors.Join(
		c.reapUnfinished(scratchDir),
		c.reap(ctx, trashDir, ""),
		c.reap(ctx, scratchDir, ""),
	)
}

// reapUnfinished moves to the trash what Create did not finish. While one is at
// work it moves nothing; the next sweep will.
func (c Containers) reapUnfinished(parent string) error {
	dir := filepath.Join(c.Data, parent)
	names, err := readDir(dir)
	unfinished := slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, newPrefix) })
	if err != nil || len(unfinished) == 0 {
		return err
	}
	// Creators wait for this lock: it is held for some renames only. What was
	// being made above is either finished now, or it is garbage.
	making, err := lockDir(dir, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	defer making.Close()
	for _, name := range unfinished {
		if _, moving := c.discardable(filepath.Join(dir, name), name[1:]); !errors.Is(moving, fs.ErrNotExist) {
			err = errors.Join(err, moving)
		}
	}
	return err
}

// reap deletes what is dead in one directory.
func (c Containers) reap(ctx context.Context, parent, prefix string) error {
	names, err := readDir(filepath.Join(c.Data, parent))
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, newPrefix) {
			err = errors.Join(err, c.reapOne(ctx, parent, name))
		}
	}
	return err
}

// reapOne deletes a directory unless somebody lives there. A directory without a
// lock file was half deleted.
//
// A shared lock keeps an owner out, and does not look like one to others: the
// container's name is free already. An exclusive one, once the directory is out
// of sight, keeps other reapers from doing the same work.
func (c Containers) reapOne(ctx context.Context, parent, name string) error {
	path := filepath.Join(c.Data, parent, name)
	lock, err := openLock(filepath.Join(path, lockFile), false)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		lock = nil
	case err != nil:
		return err // not knowing is no reason to delete
	default:
		defer lock.Close()
		if dead, err := tryLock(lock, unix.F_RDLCK); err != nil || !dead {
			return err
		}
	}
	if parent != trashDir && !strings.HasPrefix(name, gonePrefix) {
		moved, err := c.discardable(path, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another process took it away first
		}
		if err != nil {
			return err
		}
		path = moved
	}
	if lock != nil {
		if mine, err := tryLock(lock, unix.F_WRLCK); err != nil || !mine {
			return err
		}
	}
	return removeTree(ctx, path)
}

// reapNames frees the names of containers that are gone.
func (c Containers) reapNames(ctx context.Context) error {
	names, err := readDir(filepath.Join(c.Data, namesDir))
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if c.stale(name) {
			err = errors.Join(err, c.freeName(name, c.stale))
		}
	}
	return err
}

func readDir(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
