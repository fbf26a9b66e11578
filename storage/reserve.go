package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A name is a hard link to the lock file of its container, which says whose it
// is: "v1 containers|scratch ID NAME". link(2) succeeds once, and costs no inode.
// The container exists before the name does, so a name whose container is gone
// is free for ever: ids are never used twice. So is one that the file does not
// say: what an interrupted [Containers.Rename] left.
//
// Links are only ever removed under a lock on the directory and after another
// look: else two processes that found the same stale name could each remove the
// other's new one.

// maxEntry bounds what a lock file holds.
const maxEntry = 400

func (d *Dir) entry() []byte {
	parent := scratchDir
	if d.Keep {
		parent = keptDir
	}
	return fmt.Appendf(nil, "v1 %s %s %s\n", parent, d.ID, d.Name)
}

// parseEntry reads what a lock file holds: one line, and perhaps the end of a
// longer one that was there before. Anything else is garbage.
func parseEntry(data []byte) (Dir, bool) {
	line, _, ok := strings.Cut(string(data), "\n")
	fields := strings.Split(line, " ")
	if !ok || len(fields) != 4 {
		return Dir{}, false
	}
	d := Dir{ID: fields[2], Name: fields[3], Keep: fields[1] == keptDir}
	return d, ValidID(d.ID) && CheckName(d.Name) == nil && string(d.entry()) == line+"\n"
}

// giveName reserves a name for a container that is published and locked.
func (c Containers) giveName(d *Dir, name string) error {
	if name != "" {
		return c.reserve(d, name)
	}
	for attempt := 0; ; attempt++ {
		name, err := randomName(attempt)
		if err == nil {
			err = c.reserve(d, name)
		}
		if !errors.Is(err, ErrNameInUse) || attempt == 20 {
			return err
		}
	}
}

func (c Containers) reserve(d *Dir, name string) error {
	d.Name = name
	lock, link := filepath.Join(d.Path, lockFile), c.nameLink(name)
	err := d.Lock.Truncate(0)
	if err == nil {
		_, err = d.Lock.WriteAt(d.entry(), 0)
	}
	if err != nil {
		return err
	}
	for range 10 {
		if err = unix.Link(lock, link); err != unix.EEXIST {
			break
		}
		if holder := c.holder(name); holder != nil {
			return fmt.Errorf("%w: container %s has the name %q\n  fix: coracle rm %s   (or choose another name)",
				ErrNameInUse, holder.ID[:12], name, name)
		}
		if err := c.freeName(name, c.stale); err != nil {
			return err
		}
	}
	if err != nil {
		return &os.PathError{Op: "reserve name", Path: link, Err: err}
	}
	return nil
}

func (c Containers) nameLink(name string) string {
	return filepath.Join(c.Data, namesDir, name)
}

// holder is the container that has a name, nil when there is none: no such
// name, garbage instead of an entry, a container that is gone, or a throw-away
// one that is dead.
func (c Containers) holder(name string) *Dir {
	d := c.whose(name)
	if d == nil {
		return nil
	}
	if d.Name != name { // it is being given another name just now, or that was interrupted
		lock, err := lockDir(filepath.Join(c.Data, namesDir), unix.LOCK_SH)
		if err != nil {
			return nil
		}
		d = c.whose(name)
		lock.Close()
		if d == nil || d.Name != name {
			return nil
		}
	}
	return c.present(d)
}

// whose reads what a name is a link to, nil when that is no entry.
func (c Containers) whose(name string) *Dir {
	data, err := readFact(c.nameLink(name), maxEntry)
	if err != nil {
		return nil
	}
	d, ok := parseEntry(data)
	if !ok {
		return nil
	}
	return &d
}

// present fills in the path of a container, and returns nil when it is gone.
func (c Containers) present(d *Dir) *Dir {
	d.Path = filepath.Join(c.Data, scratchDir, d.ID)
	if d.Keep {
		d.Path = filepath.Join(c.Data, keptDir, d.ID)
		if unix.Access(filepath.Join(d.Path, lockFile), unix.F_OK) != nil {
			return nil
		}
	} else if alive, err := d.Alive(); err == nil && !alive {
		return nil
	}
	return d
}

// stale tells whether a name is there, but nobody's. Under the lock that stays
// true: nobody else removes it, and what is there cannot be replaced.
func (c Containers) stale(name string) bool {
	if _, err := os.Lstat(c.nameLink(name)); err != nil {
		return false
	}
	d := c.whose(name)
	return d == nil || d.Name != name || c.present(d) == nil
}

// freeName removes a name if may still says so under the lock.
func (c Containers) freeName(name string, may func(name string) bool) error {
	lock, err := lockDir(filepath.Join(c.Data, namesDir), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Close()
	if !may(name) {
		return nil
	}
	if err := os.RemoveAll(c.nameLink(name)); err != nil {
		return fmt.Errorf("cannot free the name %q: %w", name, err)
	}
	return nil
}

// dropName frees the name of a container that has been moved away.
func (c Containers) dropName(d *Dir) error {
	name := d.Name
	if written, ok := d.written(); ok {
		name = written.Name // it may have been renamed since
	}
	if name == "" {
		return nil
	}
	return c.freeName(name, func(name string) bool {
		return sameFile(d.Lock, c.nameLink(name))
	})
}
