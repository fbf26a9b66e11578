package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Lookup finds a container by its whole id, its name, or the beginning of its
// id, in this order, as docker does. Dead throw-away containers are not found.
// Errors: [ErrNoContainer], [ErrAmbiguous].
func (c Containers) Lookup(ref string) (*Dir, error) {
	if ValidID(ref) {
		for _, keep := range []bool{true, false} {
			if d := c.present(&Dir{ID: ref, Keep: keep}); d != nil {
				return d.named(), nil
			}
		}
	}
	if CheckName(ref) == nil {
		if d := c.holder(ref); d != nil {
			return d, nil
		}
	}
	var found []*Dir
	if ref != "" && len(ref) < idLength && isHex(ref) {
		all, err := c.list(ref)
		if err != nil {
			return nil, err
		}
		found = all
	}
	switch len(found) {
	case 1:
		return found[0].named(), nil
	case 0:
		return nil, fmt.Errorf("%w: %.80q\n  fix: coracle ps -a   (the names in use)", ErrNoContainer, ref)
	default:
		return nil, fmt.Errorf("%w: %q is the beginning of %s, %s%s\n  fix: give more digits", ErrAmbiguous, ref,
			found[0].ID[:12], found[1].ID[:12], map[bool]string{true: ", …"}[len(found) > 2])
	}
}

// List returns every container, in no order: all kept ones, and the throw-away
// ones that are alive.
func (c Containers) List() ([]*Dir, error) {
	all, err := c.list("")
	for _, d := range all {
		d.named()
	}
	return all, err
}

func (c Containers) list(prefix string) ([]*Dir, error) {
	var all []*Dir
	for _, keep := range []bool{true, false} {
		parent := filepath.Join(c.Data, scratchDir)
		if keep {
			parent = filepath.Join(c.Data, keptDir)
		}
		entries, err := os.ReadDir(parent)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot list containers: %w", err)
		}
		for _, entry := range entries {
			id := entry.Name()
			if !strings.HasPrefix(id, prefix) || !ValidID(id) {
				continue
			}
			if d := c.present(&Dir{ID: id, Keep: keep}); d != nil {
				all = append(all, d)
			}
		}
	}
	return all, nil
}

// named fills in the name that was written down with the container.
func (d *Dir) named() *Dir {
	if entry, err := readFact(filepath.Join(d.Path, lockFile), maxEntry); err == nil {
		if written, ok := parseEntry(entry); ok && written.ID == d.ID {
			d.Name = written.Name
		}
	}
	return d
}
