//go:build containers_image_openpgp

package main

import (
	"context"

	"coracle/launcher/events"
	"coracle/storage/engine/images"
)

// tagCommand is `coracle tag`.
type tagCommand struct {
	Image string   `arg:"" help:"Name or id."`
	Names []string `arg:"" name:"name" help:"New names; without a registry they are localhost's."`
}

func (c *tagCommand) Run(ctx context.Context, s *session) error {
	store, img, err := s.image(ctx, c.Image)
	if err != nil {
		return err
	}
	err = images.Tag(ctx, store, img, c.Names)
	if err == nil {
		s.imageEvents(events.Tag, img.ID, c.Names)
	}
	return err
}

// untagCommand is `coracle untag`.
type untagCommand struct {
	Image string   `arg:"" help:"Name or id."`
	Names []string `arg:"" optional:"" name:"name" help:"Names to take off; all without any."`
}

func (c *untagCommand) Run(ctx context.Context, s *session) error {
	store, img, err := s.image(ctx, c.Image)
	if err != nil {
		return err
	}
	names := c.Names
	if len(names) == 0 {
		names = img.Names
	}
	err = images.Untag(ctx, store, img, c.Names)
	if err == nil {
		s.imageEvents(events.Untag, img.ID, names)
	}
	return err
}
