//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coracle/launcher/events"
	"coracle/storage/volume"
)

// volumeCreate is `coracle volume create`.
type volumeCreate struct {
	Name   string   `arg:"" optional:"" help:"Name; without, a random one."`
	Driver string   `short:"d" default:"local" placeholder:"local" help:"Driver; local is the only one."`
	Label  []string `short:"l" sep:"none" placeholder:"KEY=VALUE" help:"Set a label."`
	Opt    []string `short:"o" sep:"none" placeholder:"KEY=VALUE" help:"Option of the driver: type=, device=, o=."`
	UID    *uint32  `name:"uid" placeholder:"UID" help:"Owner of the volume: -o o=uid=UID."`
	GID    *uint32  `name:"gid" placeholder:"GID" help:"Group of the volume: -o o=gid=GID."`
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
	c.owner(options)
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

// owner adds --uid and --gid to the driver's options.
func (c *volumeCreate) owner(options map[string]string) {
	var words []string
	if o := options["o"]; o != "" {
		words = append(words, o)
	}
	if c.UID != nil {
		words = append(words, fmt.Sprintf("uid=%d", *c.UID))
	}
	if c.GID != nil {
		words = append(words, fmt.Sprintf("gid=%d", *c.GID))
	}
	if len(words) > 0 {
		options["o"] = strings.Join(words, ",")
	}
}
