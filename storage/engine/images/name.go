//go:build containers_image_openpgp

package images

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// NewName makes a full name of what a user wants to call an image, as podman
// does: without a registry it is localhost's, without a tag the latest.
func NewName(name string) (string, error) {
	bad := func(why any) (string, error) {
		return "", fmt.Errorf("%w: %.200q cannot name an image: %v", errName, name, why)
	}
	if strings.Contains(name, "@") {
		return bad("a digest names what is there already\n  fix: NAME[:TAG]")
	}
	full := name
	if host, _, ok := strings.Cut(name, "/"); !ok || host != "localhost" && !strings.ContainsAny(host, ".:") {
		full = "localhost/" + name
	}
	ref, err := reference.Parse(full)
	if err != nil {
		return bad(err)
	}
	named, ok := ref.(reference.Named)
	if !ok {
		return bad("it has no name")
	}
	return reference.TagNameOnly(named).String(), nil
}

var errName error = badName{}

type badName struct{}

func (badName) Error() string        { return "invalid name" }
func (badName) Is(target error) bool { return target == record.ErrUsage }

// Tag gives an image names; other images lose them.
func Tag(ctx context.Context, s *engine.Store, img *storage.Image, names []string) error {
	full := make([]string, 0, len(names))
	for _, name := range names {
		n, err := NewName(name)
		if err != nil {
			return err
		}
		full = append(full, n)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.AddNames(img.ID, full); err != nil {
		return fmt.Errorf("cannot tag image %.12s: %w", img.ID, err)
	}
	return nil
}

// Untag takes names off an image, all without any given.
func Untag(ctx context.Context, s *engine.Store, img *storage.Image, names []string) error {
	off := img.Names
	if len(names) > 0 {
		off = nil
	}
	for _, name := range names {
		n := meant(s, img, name)
		if n == "" && slices.Contains(img.Names, name) { // name@digest
			n = name
		}
		if n == "" {
			return fmt.Errorf("%.200q is no name of image %.12s, which has %s", name, img.ID, strings.Join(img.Names, ", "))
		}
		off = append(off, n)
	}
	if err := ctx.Err(); err != nil || len(off) == 0 {
		return err
	}
	if err := s.RemoveNames(img.ID, off); err != nil {
		return fmt.Errorf("cannot untag image %.12s: %w", img.ID, err)
	}
	return nil
}
