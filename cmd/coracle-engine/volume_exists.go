//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"

	"coracle/storage/volume"
)

// volumeExists is `coracle volume exists`.
type volumeExists struct {
	Name string `arg:"" name:"volume" help:"Name."`
}

func (c *volumeExists) Run(_ context.Context, s *session) error {
	_, err := s.volumes().Find(c.Name)
	if errors.Is(err, volume.ErrNotFound) {
		return errStatus{code: 1}
	}
	return err
}
