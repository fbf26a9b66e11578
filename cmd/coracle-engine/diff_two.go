//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"coracle/launcher/rootfs"
	"coracle/storage"
	"coracle/storage/engine/containerfs"
)

// compare lists how one container or image differs from another: both as a whole,
// by type, mode, owner, size, time in seconds, and the target of links, as
// `podman diff A B` does.
func (s *session) compare(ctx context.Context, name, other string, f func(containerfs.Change) error) error {
	c := containerfs.Changes{Copied: true, Hidden: make(map[string]bool)}
	for _, side := range []struct {
		name   string
		fd     *int
		owners *containerfs.Owners
	}{{name, &c.Upper, &c.Owners}, {other, &c.Lower, &c.LowerOwners}} {
		r, done, err := s.whole(ctx, side.name, c.Hidden)
		if err != nil {
			return err
		}
		defer done()
		*side.fd, *side.owners = r.FD, r.Owners
	}
	return c.List(ctx, f)
}

// whole opens the root file system of a container, without what is mounted in it,
// or that of an image. What its launch made is added to hidden.
func (s *session) whole(ctx context.Context, name string, hidden map[string]bool) (containerfs.Root, func(), error) {
	r, err := s.root(ctx, name, rootfs.Bare)
	if err == nil {
		maps.Copy(hidden, rootfs.Hidden(r.Container))
		return r.Root, r.Close, nil
	}
	if !errors.Is(err, storage.ErrNoContainer) {
		return containerfs.Root{}, nil, err
	}
	store, img, err := s.image(ctx, name)
	if err != nil {
		return containerfs.Root{}, nil, fmt.Errorf("neither a container nor an image: %w", err)
	}
	if img.TopLayer == "" {
		return containerfs.Root{}, nil, fmt.Errorf("image %s has no layers to compare", name)
	}
	dir, layers, err := store.ImageLayers(img)
	if err != nil {
		return containerfs.Root{}, nil, err
	}
	fd, done, err := s.opener().Stacked(dir, layers)
	return containerfs.Root{FD: fd}, done, err
}
