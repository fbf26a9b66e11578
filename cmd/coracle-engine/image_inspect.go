//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"

	"coracle/cmd/internal/format"
	"coracle/storage/engine/images"
)

// imageInspect is `coracle image inspect`.
type imageInspect struct {
	Images []string `arg:"" name:"image" help:"Names or ids."`
	Format string   `short:"f" placeholder:"TEMPLATE" help:"A Go template or json."`
}

func (c *imageInspect) Run(ctx context.Context, s *session) error {
	store, err := s.store()
	if err != nil {
		return err
	}
	all, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	found := []any{}
	var errs []error
	for _, name := range c.Images {
		img, err := images.Find(ctx, store, name)
		if err == nil {
			var i *images.Inspected
			if i, err = images.Inspect(store, img, all); err == nil {
				found = append(found, i)
				continue
			}
		}
		errs = append(errs, err)
	}
	// What was found is shown, an empty list too, as docker and podman do.
	return errors.Join(append(errs, format.Inspect(out(), c.Format, found))...)
}
