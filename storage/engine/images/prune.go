//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// Pruning is which images to remove.
type Pruning struct {
	// All takes images with names, too.
	All bool
	// Want, when not nil, has to agree.
	Want func(*record.Entry) bool
}

// Prune removes images that nothing needs: those without a name on which no other
// is built, with All every one. An image that is in use stays. freed is the bytes
// of the layers that went. It goes on after an error.
func (r *Removal) Prune(ctx context.Context, s *engine.Store, p Pruning) (gone []Removed, freed int64, err error) {
	all, err := r.List(ctx)
	if err != nil {
		return nil, 0, err
	}
	layers, err := layersByID(s)
	if err != nil {
		return nil, 0, err
	}
	for i := range all.Images {
		e := &all.Images[i]
		if e.ReadOnly || !p.All && (len(e.Names) > 0 || e.Intermediate) || p.Want != nil && !p.Want(e) {
			continue
		}
		if ctx.Err() != nil {
			return gone, freed, errors.Join(err, ctx.Err())
		}
		img, e2 := s.Image(e.ID)
		if e2 != nil || !p.All && len(img.Names) > 0 {
			continue // it went with another, or was given a name meanwhile
		}
		done, e2 := r.Delete(ctx, s, img)
		if e2 != nil && !errors.Is(e2, ErrInUse) && !errors.Is(e2, record.ErrNotFound) {
			err = errors.Join(err, e2)
		}
		for _, id := range done.Layers {
			if l := layers.byID[id]; l != nil {
				freed += max(l.UncompressedSize, 0)
			}
		}
		if len(done.Deleted) > 0 {
			gone = append(gone, done)
		}
	}
	return gone, freed, err
}
