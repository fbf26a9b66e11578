//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coracle/launcher/events"
	"coracle/storage/volume"
)

// volumePrune is `coracle volume prune`.
type volumePrune struct {
	Force  bool     `short:"f" help:"Do not ask."`
	All    bool     `short:"a" help:"Accepted: named and anonymous volumes are removed anyway, as podman does."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only what fits: label, label!, until, anonymous, name."`
}

func (c *volumePrune) Run(ctx context.Context, s *session) error {
	filters, err := parseVolumeFilters(c.Filter, time.Now())
	if err != nil {
		return err
	}
	if !c.Force {
		yes, err := confirm(ctx, "WARNING! This removes all volumes that no container uses, with all that is in them.\n")
		if err != nil || !yes {
			return err
		}
	}
	var unwanted []*volume.Volume
	err = eachVolume(s, func(v *volume.Volume, users int) {
		if users == 0 && fitsAll(filters, v, users) {
			unwanted = append(unwanted, v)
		}
	})
	if err != nil {
		return err
	}
	gone, err := s.volumes().RemoveUnused(unwanted)
	for _, v := range gone {
		fmt.Println(v.Name)
		s.event(events.Volume, events.Remove, "", v.Name)
	}
	s.event(events.Volume, events.Prune, "", "")
	return errors.Join(err, s.sweep(ctx))
}
