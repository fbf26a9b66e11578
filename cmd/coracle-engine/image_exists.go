//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"

	"coracle/storage/record"
)

// imageExists is `coracle image exists`.
type imageExists struct {
	Image string `arg:"" help:"Name or id."`
}

func (c *imageExists) Run(ctx context.Context, s *session) error {
	_, _, err := s.image(ctx, c.Image)
	if errors.Is(err, record.ErrNotFound) {
		return errStatus{code: 1}
	}
	return err
}
