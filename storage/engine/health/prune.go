//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"coracle/launcher/containers"
	"coracle/storage"
	"coracle/storage/volume"

	cstorage "go.podman.io/storage"
)

// Pruned is something that was removed.
type Pruned struct {
	ID   string
	Size int64 // bytes it took
}

// PruneContainers removes the stopped containers that want says yes to. It goes
// on after an error.
func (s *Store) PruneContainers(ctx context.Context, want func(*containers.Container) bool) (gone []Pruned, err error) {
	list, err := s.set().List()
	for _, c := range list {
		if c.Running || !c.Keep || !want(c) {
			continue
		}
		size, e := Measure(ctx, c.Path)
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

// PruneImages removes the images that no container stands on and that want says
// yes to: those without a name, with all every one. Size is what their layers
// take that no other image has.
func (s *Store) PruneImages(ctx context.Context, all bool, want func(*cstorage.Image) bool) (gone []Pruned, err error) {
	u, err := s.Usage(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range u.Images {
		if row.RepeatedName || row.Containers > 0 || row.Name != "" && !all {
			continue
		}
		image, e := s.Engine.Image(row.ID)
		if e != nil || image.ReadOnly || !want(image) {
			continue // it went away meanwhile, or it is not ours to remove
		}
		layers, e := s.Engine.DeleteImage(row.ID, true)
		switch {
		case errors.Is(e, cstorage.ErrImageUnknown), errors.Is(e, cstorage.ErrImageUsedByContainer):
		case e != nil:
			err = errors.Join(err, fmt.Errorf("cannot remove image %.12s: %w", row.ID, e))
		default:
			gone = append(gone, Pruned{row.ID, u.sizeOf(layers)})
		}
		if ctx.Err() != nil {
			return gone, errors.Join(err, ctx.Err())
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
		if sizes[v.Name], err = Measure(ctx, v.Mountpoint()); err != nil {
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
		if n, e := Measure(ctx, filepath.Clean(f.Object)); e == nil {
			size += n
		}
	}
	return size, errors.Join(err, s.Sweep(ctx))
}
