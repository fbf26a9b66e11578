package storage

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// Tree is a directory of a [View], held open.
type Tree struct {
	dir  merged
	stat unix.Stat_t
}

// Tree opens a directory by its path inside the container, links followed. It is
// nil when nothing is there, or something else than a directory. Errors are those
// of [View.Resolve]. Close releases it.
func (v *View) Tree(name string) (*Tree, error) {
	at, err := v.resolve(name)
	if err != nil {
		return nil, fmt.Errorf("open %q in the image: %w", name, err)
	}
	if at.missing || !at.dir.exists() {
		at.close()
		return nil, nil
	}
	t := &Tree{dir: at.dir, stat: at.stat}
	if at.dir.borrowed { // the root: the View's own descriptors
		t.dir = merged{layers: append([]int(nil), at.dir.layers...), borrowed: true}
	}
	return t, nil
}

// Close releases the directory.
func (t *Tree) Close() { t.dir.close() }

// Owner is the directory's owner and group as this process sees them, and Mode
// its permission bits with set-uid, set-gid and sticky, as chmod(2) takes them.
func (t *Tree) Owner() (uid, gid uint32) { return t.stat.Uid, t.stat.Gid }

// Mode is described at [Tree.Owner].
func (t *Tree) Mode() uint32 { return t.stat.Mode & 0o7777 }

// Empty reports whether overlay would show nothing in the directory.
func (t *Tree) Empty() (bool, error) {
	for _, fd := range t.dir.layers {
		all, err := names(fd, "a directory of the image")
		if err != nil {
			return false, err
		}
		for _, name := range all {
			e, err := t.dir.lookup(name)
			if err != nil {
				return false, err
			}
			found := e.dir.exists() || e.file >= 0
			e.dir.close()
			if e.file >= 0 {
				unix.Close(e.file)
			}
			if found {
				return false, nil
			}
		}
	}
	return true, nil
}

// Copy copies what overlay would show of the directory into the empty directory
// that to is a descriptor of, as mapped root: content, owners as the Shifter's
// UID and GID give them, modes, times, attributes, hard links; of the directory
// itself all but its name. Errors: [ErrNotMapped].
func (t *Tree) Copy(ctx context.Context, s *Shifter, to int, sync bool) error {
	c := &copier{shifter: s, report: func(files, bytes int64) {
		if s.Progress != nil {
			s.Progress(ShiftProgress{1, 1, files, bytes})
		}
	}, noSync: !sync}
	var from []string
	for _, fd := range t.dir.layers {
		from = append(from, procPath(fd))
	}
	return c.run(ctx, from, procPath(to))
}

// Dress gives the directory that to is a descriptor of the owner, mode, times and
// attributes of this one, as mapped root.
func (t *Tree) Dress(s *Shifter, to int) error {
	src, err := reopen(t.dir.layers[0], unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(src)
	c := &copier{shifter: s, notes: map[string]bool{}}
	if err := c.attributes(src, to, &t.stat); err != nil {
		return err
	}
	return setTimes(to, ".", &t.stat)
}
