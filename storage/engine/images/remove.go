//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.podman.io/storage"

	cstorage "coracle/storage"
	"coracle/storage/engine"
	"coracle/storage/record"
)

// ErrInUse says that a container stands on an image.
var ErrInUse = errors.New("image is in use")

// ErrReadOnly says that an image lies in an additional store.
var ErrReadOnly = errors.New("image is in a read-only store")

// Removal is how to remove images, any number with one value.
type Removal struct {
	// Force removes an image that has several names although it is asked for by id.
	Force bool
	// NoPrune keeps the nameless images that the removed one was built on.
	NoPrune bool
	// Free is called before an image itself goes: an error keeps it. It tells
	// [ErrInUse] when a container of ours stands on it.
	Free func(ctx context.Context, img *storage.Image) error
	// List is [List], or what knows the answer already.
	List func(ctx context.Context) (*record.Catalog, error)

	family *family // as of the first removal
}

// Removed is what happened.
type Removed struct {
	Untagged []string // names
	Deleted  []string // ids
	Layers   []string // ids of the layers that went
}

// Remove takes the name by which an image was found off it, and removes the image
// with the last of its names, as podman and docker do. By id or digest it
// removes all of it. What it did before an error is in Removed.
func (r *Removal) Remove(ctx context.Context, s *engine.Store, f *Found) (Removed, error) {
	var done Removed
	img := f.Image
	if img.ReadOnly {
		return done, readOnly(img.ID)
	}
	switch {
	case f.Name != "" && len(img.Names) > 1:
		if err := s.RemoveNames(img.ID, []string{f.Name}); err != nil {
			return done, fmt.Errorf("cannot untag %s: %w", f.Name, err)
		}
		done.Untagged = []string{f.Name}
		return done, nil
	case f.Name == "" && len(img.Names) > 1 && !r.Force:
		return done, fmt.Errorf("image %.12s has more than one name: %s\n  fix: coracle rmi NAME, or coracle rmi -f %.12s for all of them",
			img.ID, strings.Join(img.Names, ", "), img.ID)
	}
	return r.Delete(ctx, s, img)
}

// Delete removes an image whatever its names.
func (r *Removal) Delete(ctx context.Context, s *engine.Store, img *storage.Image) (Removed, error) {
	var done Removed
	if img.ReadOnly {
		return done, readOnly(img.ID)
	}
	if r.family == nil && !r.NoPrune {
		var err error
		if r.family, err = r.readFamily(ctx, s); err != nil {
			return done, err
		}
	}
	if err := r.delete(ctx, s, img, &done); err != nil || r.NoPrune {
		return done, err
	}
	return done, r.parents(ctx, s, r.family.gone(img.ID), &done)
}

func readOnly(id string) error {
	return fmt.Errorf("%w: %.12s\n  fix: remove it where that store can be written to", ErrReadOnly, id)
}

func (r *Removal) delete(ctx context.Context, s *engine.Store, img *storage.Image, done *Removed) error {
	if s.Data != "" {
		gate, err := cstorage.Gate{Data: s.Data}.Remove()
		if err != nil {
			return fmt.Errorf("cannot remove image %.12s: %w", img.ID, err)
		}
		defer gate.Close()
	}
	if r.Free != nil {
		if err := r.Free(ctx, img); err != nil {
			return err
		}
	}
	layers, err := s.DeleteImage(img.ID, true)
	switch {
	case errors.Is(err, storage.ErrLayerUnknown) && goneFrom(s, img.ID):
		// Its layers lie in an additional store; the library finds out when the image
		// is removed already, and with it the layers that lay on those.
	case errors.Is(err, storage.ErrImageUsedByContainer):
		return fmt.Errorf("%w: %.12s: podman or buildah has a container on it: %w\n  fix: podman ps -a --external; podman rm CONTAINER", ErrInUse, img.ID, err)
	case errors.Is(err, storage.ErrNotAnImage), errors.Is(err, storage.ErrImageUnknown): // another process was faster
		return fmt.Errorf("%w: no such image: %.12s was removed just now", record.ErrNotFound, img.ID)
	case err != nil:
		return fmt.Errorf("cannot remove image %.12s: %w", img.ID, err)
	}
	done.Untagged = append(done.Untagged, img.Names...)
	done.Deleted = append(done.Deleted, img.ID)
	done.Layers = append(done.Layers, layers...)
	return nil
}

// goneFrom tells that the store itself has no such image any more.
func goneFrom(s *engine.Store, id string) bool {
	img, err := s.Image(id)
	return errors.Is(err, storage.ErrImageUnknown) || err == nil && img.ReadOnly
}

// parents removes the nameless images that a removed one was built on, as long
// as nothing else needs them: steps of a build.
func (r *Removal) parents(ctx context.Context, s *engine.Store, id string, done *Removed) error {
	for id != "" && len(r.family.children[id]) == 0 {
		img, err := s.Image(id)
		if err != nil || len(img.Names) > 0 || img.ReadOnly {
			return nil //nolint:nilerr // somebody else removed it
		}
		if err := r.delete(ctx, s, img, done); err != nil {
			if errors.Is(err, ErrInUse) {
				return nil
			}
			return err
		}
		id = r.family.gone(id)
	}
	return nil
}

// family is which image was built on which.
type family struct {
	parent   map[string]string
	children map[string]map[string]bool
}

// readFamily reads it. A store without nameless images has none that matters: then
// no configuration is read.
func (r *Removal) readFamily(ctx context.Context, s *engine.Store) (*family, error) {
	f := &family{parent: make(map[string]string), children: make(map[string]map[string]bool)}
	imgs, err := s.Images()
	if err != nil || !slices.ContainsFunc(imgs, func(i storage.Image) bool { return len(i.Names) == 0 }) {
		return f, err
	}
	all, err := r.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range all.Images {
		if e.Parent == "" {
			continue
		}
		f.parent[e.ID] = e.Parent
		if f.children[e.Parent] == nil {
			f.children[e.Parent] = make(map[string]bool)
		}
		f.children[e.Parent][e.ID] = true
	}
	return f, nil
}

// gone forgets an image and returns its parent.
func (f *family) gone(id string) (parent string) {
	parent = f.parent[id]
	delete(f.parent, id)
	delete(f.children[parent], id)
	return parent
}

// LayerExists returns a test for layers that the store still has, for whoever keeps
// something beside them.
func LayerExists(s *engine.Store) (func(id string) bool, error) {
	layers, err := layersByID(s)
	if err != nil {
		return nil, err
	}
	return func(id string) bool { return layers.byID[id] != nil }, nil
}
