//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"coracle/launcher/rootfs"
	"coracle/storage"
	"coracle/storage/record"
)

// opener opens the root file systems of the user's containers.
func (s *session) opener() *rootfs.Opener {
	return &rootfs.Opener{
		Set: s.containers(), Layers: s.layers,
		Note: func(text string) { fmt.Fprintln(os.Stderr, "coracle: "+text) },
	}
}

// layers finds an image's layers in the store.
func (s *session) layers(ctx context.Context, imageID string) (string, []record.Layer, error) {
	store, img, err := s.image(ctx, imageID)
	if err != nil {
		return "", nil, lostImage(imageID, err)
	}
	return store.ImageLayers(img)
}

// lostImage is the error for a container whose image was removed, by podman for
// example, which does not know the container.
func lostImage(id string, err error) error {
	if errors.Is(err, record.ErrNotFound) {
		return fmt.Errorf("the container's image %.12s is gone\n  fix: coracle pull its image   (coracle ps -a shows the name)", id)
	}
	return fmt.Errorf("the container's image: %w", err)
}

// root opens a container's root file system, and says what to do when it cannot.
func (s *session) root(ctx context.Context, name string, want rootfs.Want) (*rootfs.Root, error) {
	r, err := s.opener().Open(ctx, name, want)
	switch {
	case errors.Is(err, rootfs.ErrElsewhere):
		return nil, fmt.Errorf("%w\n  fix: outside of coracle unshare, and for each container by itself: coracle cp A:PATH - | coracle cp - B:DIR", err)
	case errors.Is(err, storage.ErrInUse):
		return nil, fmt.Errorf("%w\n  fix: wait for it, or unmount it in coracle unshare", err)
	case errors.Is(err, storage.ErrRunning):
		return nil, fmt.Errorf("%w, or is just starting or ending, and has no process yet\n  fix: run the command again", err)
	}
	return r, err
}
