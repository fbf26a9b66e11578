package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Rename gives a container another name, whether it runs or not. Writing the new
// name into the lock file is the moment when it changes hands: before and after,
// one of the two links is what says the same as the file, and the other one is
// garbage. Others see one of the names at any time.
//
// Errors: [ErrNameInUse], [ErrNoContainer], and those of [CheckName].
func (c Containers) Rename(d *Dir, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	names, err := lockDir(filepath.Join(c.Data, namesDir), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer names.Close()
	path, link := filepath.Join(d.Path, lockFile), c.nameLink(name)
	f, err := openLock(path, false)
	if err != nil {
		return goneOr(d, err)
	}
	defer f.Close()
	now := &Dir{ID: d.ID, Path: d.Path, Keep: d.Keep, Lock: f}
	was, ok := now.written()
	if !ok {
		return fmt.Errorf("container %s cannot be renamed: its file %s is damaged", d.ID, lockFile)
	}
	if _, err := os.Lstat(link); err == nil {
		if !c.stale(name) {
			return fmt.Errorf("%w: %q\n  fix: choose another name", ErrNameInUse, name)
		}
		if err := os.RemoveAll(link); err != nil {
			return fmt.Errorf("cannot free the name %q: %w", name, err)
		}
	}
	if err := unix.Link(path, link); err != nil {
		return goneOr(d, &os.PathError{Op: "reserve name", Path: link, Err: err})
	}
	now.Name = name
	entry := now.entry()
	if _, err := f.WriteAt(entry, 0); err != nil {
		_ = unix.Unlink(link)
		return fmt.Errorf("cannot rename container %s: %w", d.label(), err)
	}
	_ = f.Truncate(int64(len(entry))) // what is left behind it is no harm
	if old := c.nameLink(was.Name); was.Name != "" && sameFile(f, old) {
		_ = unix.Unlink(old)
	}
	d.Name = name
	return nil
}

// goneOr tells that a container was removed meanwhile, if that is why.
func goneOr(d *Dir, err error) error {
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: %s", ErrNoContainer, d.label())
	}
	return err
}

// written is what the container's lock file says.
func (d *Dir) written() (Dir, bool) {
	data := make([]byte, maxEntry)
	n, _ := d.Lock.ReadAt(data, 0)
	written, ok := parseEntry(data[:n])
	return written, ok && written.ID == d.ID
}
