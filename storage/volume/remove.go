package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// ErrInUse says that containers name the volume.
var ErrInUse = errors.New("volume is in use")

// Remove takes a volume out of sight: it moves to the trash, from where a sweep
// as mapped root deletes it, and that needs no free space. With force the stopped
// containers that use it are removed first, and returned. Errors: [ErrNotFound],
// [ErrInUse].
func (s Store) Remove(v *Volume, force bool) (gone []*storage.Dir, err error) {
	alone, err := s.lock(unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	users, err := s.Users()
	if err != nil {
		return nil, err
	}
	if force {
		for _, d := range users[v.Name] {
			if alive, err := d.Alive(); err != nil || alive {
				return nil, errors.Join(err, inUse(v.Name, users[v.Name], force))
			}
		}
		for _, d := range users[v.Name] {
			if err := s.containers().Trash(d); err != nil && !errors.Is(err, storage.ErrNoContainer) {
				return gone, err
			}
			if d.Lock != nil {
				d.Lock.Close()
			}
			gone = append(gone, d)
		}
	} else if len(users[v.Name]) > 0 {
		return nil, inUse(v.Name, users[v.Name], force)
	}
	return gone, s.discard(v)
}

// RemoveUnused removes those of the volumes that no container names, and returns
// them.
func (s Store) RemoveUnused(all []*Volume) (gone []*Volume, err error) {
	alone, err := s.lock(unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	users, err := s.Users()
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if len(users[v.Name]) > 0 {
			continue
		}
		switch discarding := s.discard(v); {
		case discarding == nil:
			gone = append(gone, v)
		case !errors.Is(discarding, ErrNotFound):
			err = errors.Join(err, discarding)
		}
	}
	return gone, err
}

// RemoveOwned removes the anonymous volumes that were made for a container which
// is gone or going, unless others use them.
func (s Store) RemoveOwned(d *storage.Dir, claim Claim) error {
	var owned []*Volume
	for _, m := range claim.Mounts {
		if !m.Anonymous {
			continue
		}
		if v, err := s.Find(m.Name); err == nil && v.Anonymous && v.Owner == d.ID {
			owned = append(owned, v)
		}
	}
	if len(owned) == 0 {
		return nil
	}
	_, err := s.RemoveUnused(owned)
	return err
}

func inUse(name string, by []*storage.Dir, force bool) error {
	var who []string
	for _, d := range by {
		if d.Name == "" {
			d.Name = d.ID[:12]
		}
		who = append(who, d.Name)
	}
	fix := "coracle rm " + strings.Join(who, " ")
	if force {
		fix = "coracle rm -f " + strings.Join(who, " ") + "   (a running container is not removed with a volume)"
	}
	return fmt.Errorf("%w: %q is used by %s\n  fix: %s", ErrInUse, name, strings.Join(who, ", "), fix)
}

// discard renames a volume to where garbage is.
func (s Store) discard(v *Volume) error {
	unique, err := storage.NewID()
	if err != nil {
		return err
	}
	trash := filepath.Join(s.Data, trashDir, "volume-"+unique[:16])
	err = unix.Rename(v.path, trash)
	if err == unix.ENOENT && os.Mkdir(filepath.Dir(trash), 0o700) == nil {
		err = unix.Rename(v.path, trash)
	}
	if err == unix.ENOENT {
		return fmt.Errorf("%w: %q", ErrNotFound, v.Name)
	}
	if err != nil { // a full disk on which the trash would have to grow
		err = unix.Rename(v.path, filepath.Join(filepath.Dir(v.path), gonePrefix+unique[:16]))
	}
	if err != nil {
		return fmt.Errorf("cannot remove the volume %q: %w", v.Name, err)
	}
	return nil
}

// Sweep removes what nobody owns: volumes of throw-away containers that are
// gone, and what was never finished. What it finds goes to the trash, which
// storage.Containers.Reap deletes; what lies hidden beside the volumes it deletes
// itself, which needs mapped root. Its work does not grow with the number of
// named volumes but for reading their directory.
func (s Store) Sweep(ctx context.Context) error {
	return errors.Join(s.sweepOrphans(), s.sweepHidden(ctx, namedDir), s.sweepHidden(ctx, scratchDir))
}

func (s Store) sweepOrphans() error {
	names, err := s.names(scratchDir)
	var orphans []*Volume
	for _, name := range names {
		v, looking := s.look(scratchDir, name)
		if looking == nil && !s.owned(v) {
			orphans = append(orphans, v)
		}
	}
	if len(orphans) > 0 {
		_, removing := s.RemoveUnused(orphans)
		err = errors.Join(err, removing)
	}
	return err
}

// owned tells whether the container of a throw-away volume lives.
func (s Store) owned(v *Volume) bool {
	if v.Err != nil || !storage.ValidID(v.Owner) {
		return false
	}
	d, err := s.containers().Lookup(v.Owner)
	return err == nil && d.ID == v.Owner || err != nil && !errors.Is(err, storage.ErrNoContainer)
}

func (s Store) sweepHidden(ctx context.Context, parent string) error {
	dir := filepath.Join(s.Data, parent)
	f, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := f.Readdirnames(-1)
	for _, name := range all {
		switch {
		case strings.HasPrefix(name, newPrefix):
			err = errors.Join(err, s.sweepUnfinished(ctx, filepath.Join(dir, name)))
		case strings.HasPrefix(name, gonePrefix):
			err = errors.Join(err, storage.RemoveTree(ctx, filepath.Join(dir, name)))
		}
	}
	return err
}

// sweepUnfinished deletes what a crash left, unless somebody may be making it.
func (s Store) sweepUnfinished(ctx context.Context, path string) error {
	alone, err := s.lock(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	defer alone.Close()
	return storage.RemoveTree(ctx, path)
}
