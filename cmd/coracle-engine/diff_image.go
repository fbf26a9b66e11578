//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/storage/engine/containerfs"
)

// imageChanges lists what an image's uppermost layer changed of those beneath.
func (s *session) imageChanges(ctx context.Context, name string, f func(containerfs.Change) error) error {
	store, img, err := s.image(ctx, name)
	if err != nil {
		return fmt.Errorf("neither a container nor an image: %w", err)
	}
	if img.TopLayer == "" {
		return nil
	}
	dir, layers, err := store.ImageLayers(img)
	if err != nil {
		return err
	}
	upper, err := unix.Open(layers[0].Diff, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open the layer %s: %w", layers[0].Diff, err)
	}
	defer unix.Close(upper)
	lower, done, err := s.opener().Stacked(dir, layers[1:])
	if err != nil {
		return err
	}
	defer done()
	c := containerfs.Changes{Upper: upper, Lower: lower}
	return c.List(ctx, f)
}
