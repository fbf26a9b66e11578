//go:build containers_image_openpgp

package engine

import (
	"context"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"coracle/storage/record"
)

// What the packages below this one ask of an open store.

func (s *Store) engine() *engine { return &engine{store: s.Store, sys: s.Sys, sleep: sleepFor} }

// FindImage looks a name, an id, the beginning of one or a digest up in the
// store, as podman does; nil when there is none. Errors: record.ErrUsage for
// what cannot be a name and for ambiguous beginnings.
func (s *Store) FindImage(name string) (*storage.Image, error) { return s.engine().find(name) }

// Candidates are the full names that a name can mean in the store, the first
// that an image has counts.
func (s *Store) Candidates(name string) ([]reference.Named, error) {
	return s.engine().candidates(name)
}

// Tokens vouch for what is read of the store's images after they were taken.
func (s *Store) Tokens() ([]record.Token, error) {
	e := s.engine()
	tokens, err := e.storeTokens()
	if err != nil {
		return nil, err
	}
	conf, err := fileTokensOf(storageConf())
	if err != nil {
		return nil, failf(record.ErrStore, "%w", err)
	}
	return append(tokens, conf...), nil
}

// Allowed asks the signature policy whether an image may be used, as a pull
// does, as if it came from as. Notes are lines for the user. Errors:
// record.ErrPolicy.
func (s *Store) Allowed(ctx context.Context, img *image.UnparsedImage, as types.ImageReference) (notes []string, err error) {
	e := s.engine()
	err = e.allowed(ctx, &origin{policyRef: as}, img)
	return e.notes, err
}
