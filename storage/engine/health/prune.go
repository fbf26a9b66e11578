//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"path/filepath"

	"coracle/storage"
	"coracle/storage/volume"
)

// Pruned is something that was removed.
type Pruned struct {
	ID   string
	Size int64 // bytes it took
}

// PruneContainers removes the stopped containers that want says yes to. It goes
// on after an error.
func (s *Store) PruneContainers(ctx context.Context, want func(*Facts) bool) (gone []Pruned, err error) {
	list, err := s.Containers.List()
	for _, c := range list {
		if c.Running || !c.Keep || !want(c) {
			continue
		}
		size, e := storage.Measure(ctx, c.Path)
		if e == nil {
			e = s.removeContainer(ctx, c)
		}
		switch {
		case e == nil:
			gone = append(gone, Pruned{c.ID, size})
		case !errors.Is(e, storage.ErrRunning): // it was started just now
			err = errors.Join(err, e)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return gone, err
}

// PruneVolumes removes the volumes that no container names and that want says yes
// to.
func (s *Store) PruneVolumes(ctx context.Context, want func(*volume.Volume) bool) (gone []Pruned, err error) {
	list, err := s.volumes().List()
	if err != nil {
		return nil, err
	}
	var unwanted []*volume.Volume
	sizes := map[string]int64{}
	for _, v := range list {
		if v.Throwaway || !want(v) {
			continue
		}
		unwanted = append(unwanted, v)
		if sizes[v.Name], err = storage.Measure(ctx, v.Mountpoint()); err != nil {
			return nil, err
		}
	}
	removed, err := s.volumes().RemoveUnused(unwanted)
	for _, v := range removed {
		gone = append(gone, Pruned{v.Name, sizes[v.Name]})
	}
	return gone, errors.Join(err, s.set().Reap(ctx))
}

// SweepMeasured is [Store.Sweep], and tells how many bytes that was.
func (s *Store) SweepMeasured(ctx context.Context) (int64, error) {
	found, err := s.leftovers()
	var size int64
	for _, f := range found {
		if n, e := storage.Measure(ctx, filepath.Clean(f.Object)); e == nil {
			size += n
		}
	}
	return size, errors.Join(err, s.Sweep(ctx))
}
