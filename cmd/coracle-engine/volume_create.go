//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/launcher/events"
	"coracle/storage/volume"
)

// volumeCreate is `coracle volume create`.
type volumeCreate struct {
	Name   string   `arg:"" optional:"" help:"Name; without, a random one."`
	Driver string   `short:"d" default:"local" placeholder:"local" help:"Driver; local is the only one."`
	Label  []string `short:"l" sep:"none" placeholder:"KEY=VALUE" help:"Set a label."`
	Opt    []string `short:"o" sep:"none" placeholder:"KEY=VALUE" help:"Option of the driver: type=, device=, o=."`
	Ignore bool     `help:"A volume that is there already is no error."`
}

func (c *volumeCreate) Run(_ context.Context, s *session) error {
	if err := volume.CheckDriver(c.Driver); err != nil {
		return err
	}
	labels, err := keyValues("--label", c.Label)
	if err != nil {
		return err
	}
	options, err := keyValues("--opt", c.Opt)
	if err != nil {
		return err
	}
	v, err := s.volumes().Create(volume.Params{Name: c.Name, Labels: labels, Options: options})
	switch {
	case errors.Is(err, volume.ErrExists) && c.Ignore:
		fmt.Println(c.Name)
		return nil
	case errors.Is(err, volume.ErrExists):
		return fmt.Errorf("%w\n  fix: --ignore, or another name", err)
	case err != nil:
		return err
	}
	fmt.Println(v.Name)
	s.event(events.Volume, events.Create, "", v.Name)
	return nil
}
