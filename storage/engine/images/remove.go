//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.podman.io/storage"

	"coracle/storage/engine"
)

// ErrInUse says that a container stands on an image.
var ErrInUse = errors.New("image is in use")

// ErrReadOnly says that an image lies in an additional store.
var ErrReadOnly = errors.New("image is in a read-only store")

// Removal is how to remove images.
type Removal struct {
	// Force removes an image that has several names although it is asked for by id.
	Force bool
	// NoPrune keeps the nameless images that the removed one was built on.
	NoPrune bool
	// Free is called before an image itself goes: an error keeps it. It tells
	// [ErrInUse] when a container of ours stands on it.
	Free func(ctx context.Context, img *storage.Image) error
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
func (r Removal) Remove(ctx context.Context, s *engine.Store, f *Found) (Removed, error) {
	var done Removed
	img := f.Image
	if img.ReadOnly {
		return done, fmt.Errorf("%w: %s\n  fix: remove it where that store can be written to", ErrReadOnly, label(f))
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
	parent := ""
	if !r.NoPrune {
		var err error
		if parent, err = parentOf(ctx, s, img.ID); err != nil {
			return done, err
		}
	}
	if err := r.delete(ctx, s, img, &done); err != nil {
		return done, err
	}
	return done, r.parents(ctx, s, parent, &done)
}

func (r Removal) delete(ctx context.Context, s *engine.Store, img *storage.Image, done *Removed) error {
	if r.Free != nil {
		if err := r.Free(ctx, img); err != nil {
			return err
		}
	}
	layers, err := s.DeleteImage(img.ID, true)
	switch {
	case errors.Is(err, storage.ErrImageUsedByContainer):
		return fmt.Errorf("%w: %.12s: podman or buildah has a container on it: %w\n  fix: podman ps -a --external; podman rm CONTAINER", ErrInUse, img.ID, err)
	case err != nil:
		return fmt.Errorf("cannot remove image %.12s: %w", img.ID, err)
	}
	done.Untagged = append(done.Untagged, img.Names...)
	done.Deleted = append(done.Deleted, img.ID)
	done.Layers = append(done.Layers, layers...)
	return nil
}

// parents removes the nameless images that a removed one was built on, as long
// as nothing else needs them: steps of a build.
func (r Removal) parents(ctx context.Context, s *engine.Store, id string, done *Removed) error {
	for id != "" {
		img, err := s.Image(id)
		if err != nil || len(img.Names) > 0 || img.ReadOnly {
			return nil //nolint:nilerr // somebody else removed it
		}
		all, err := List(ctx, s, nil)
		if err != nil {
			return err
		}
		next := ""
		for _, e := range all.Images {
			if e.Parent == id {
				return nil // it has another child
			}
			if e.ID == id {
				next = e.Parent
			}
		}
		if err := r.delete(ctx, s, img, done); err != nil {
			if errors.Is(err, ErrInUse) {
				return nil
			}
			return err
		}
		id = next
	}
	return nil
}

// parentOf is the nameless image that an image was built on. Most stores have no
// nameless image at all: then nothing needs to be read.
func parentOf(ctx context.Context, s *engine.Store, id string) (string, error) {
	imgs, err := s.Images()
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(imgs, func(i storage.Image) bool { return len(i.Names) == 0 && i.ID != id }) {
		return "", nil
	}
	all, err := List(ctx, s, nil)
	if err != nil {
		return "", err
	}
	for _, e := range all.Images {
		if e.ID == id {
			return e.Parent, nil
		}
	}
	return "", nil
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

func label(f *Found) string {
	if f.Name != "" {
		return f.Name
	}
	return fmt.Sprintf("%.12s", f.ID)
}
