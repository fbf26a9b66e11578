//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/cmd/internal/format"
	"coracle/storage/engine/images"
	"coracle/storage/record"
)

// imageInspect is `coracle image inspect`.
type imageInspect struct {
	Images []string `arg:"" name:"image" help:"Names or ids."`
	Format string   `short:"f" placeholder:"TEMPLATE" help:"A Go template or json."`

	// Object says that the names may be a container's or a volume's, too, and are not.
	Object bool `hidden:""`

	Platform string `help:"The image for OS/ARCH[/VARIANT], where several of a list are in the store." placeholder:"PLATFORM"`
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
			img, err = images.ForPlatform(store, img, c.Platform)
		}
		if err == nil {
			var i *images.Inspected
			if i, err = images.Inspect(store, img, all); err == nil {
				found = append(found, i)
				continue
			}
		}
		if c.Object && errors.Is(err, record.ErrNotFound) {
			err = fmt.Errorf("no such object: %.200q: no container, image or volume is called so\n  fix: coracle ps -a, coracle images, coracle volume ls   (what is there)", name)
		}
		errs = append(errs, err)
	}
	// What was found is shown, an empty list too, as docker and podman do.
	return errors.Join(append(errs, format.Inspect(out(), c.Format, found))...)
}
