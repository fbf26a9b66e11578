//go:build containers_image_openpgp

// Package images is what can be asked of and done to the images in the store:
// find, list, remove, name, inspect. It pulls nothing and knows no container;
// who uses an image is told to it. Start from [Find], [List] and [Remove].
package images

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// Found is an image, and how it was asked for.
type Found struct {
	*storage.Image
	// Name is the image's name that was meant; empty when it was asked for by id or
	// digest.
	Name string
}

// Find looks an image up by name, id, beginning of an id, or digest, as podman
// does. Errors: record.ErrNotFound, record.ErrUsage.
func Find(ctx context.Context, s *engine.Store, ref string) (*storage.Image, error) {
	f, err := Lookup(ctx, s, ref)
	if err != nil {
		return nil, err
	}
	return f.Image, nil
}

// Lookup is Find, and tells which name was meant.
func Lookup(ctx context.Context, s *engine.Store, ref string) (*Found, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	img, err := s.FindImage(ref)
	if err == nil && img == nil {
		img, err = byDigest(s, ref)
	}
	switch {
	case err != nil:
		return nil, err
	case img == nil:
		return nil, fmt.Errorf("%w%.200q\n  fix: coracle images   (what is there)", errUnknown, ref)
	}
	return &Found{Image: img, Name: meant(s, img, ref)}, nil
}

// errUnknown is record.ErrNotFound, worded for people.
var errUnknown error = unknown{}

type unknown struct{}

func (unknown) Error() string        { return "no such image: " }
func (unknown) Is(target error) bool { return target == record.ErrNotFound }

// byDigest finds an image by a digest of its manifests alone.
func byDigest(s *engine.Store, ref string) (*storage.Image, error) {
	d := digest.Digest(ref)
	if d.Validate() != nil {
		return nil, nil
	}
	all, err := s.ImagesByDigest(d)
	if err != nil || len(all) == 0 {
		return nil, nil //nolint:nilerr // the library's way to say that there is none
	}
	return all[0], nil
}

// meant is the image's name that ref stands for. With a digest it is none: no
// single name is.
func meant(s *engine.Store, img *storage.Image, ref string) string {
	if strings.Contains(ref, "@") {
		return ""
	}
	return s.Meant(img, ref)
}
