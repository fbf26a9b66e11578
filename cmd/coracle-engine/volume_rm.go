//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/storage/volume"
)

// volumeRm is `coracle volume rm`.
type volumeRm struct {
	Names []string `arg:"" optional:"" name:"volume" help:"Names."`
	All   bool     `short:"a" help:"Remove all volumes that no container uses."`
	Force bool     `short:"f" help:"Remove the stopped containers that use them, too; volumes that are not there are no error."`
	Time  int      `short:"t" default:"10" placeholder:"SECONDS" help:"Accepted; running containers are never stopped."`
}

func (c *volumeRm) Run(ctx context.Context, s *session) error {
	switch {
	case c.All && len(c.Names) > 0:
		return errors.New("--all and names contradict each other")
	case !c.All && len(c.Names) == 0:
		return errors.New("no volume named\n  fix: coracle volume rm NAME…, or --all")
	}
	store := s.volumes()
	var list []*volume.Volume
	var errs []error
	if c.All {
		var err error
		if list, err = store.List(); err != nil {
			return err
		}
	}
	for _, name := range c.Names {
		switch v, err := store.Find(name); {
		case err == nil:
			list = append(list, v)
		case !c.Force || !errors.Is(err, volume.ErrNotFound):
			errs = append(errs, err)
		}
	}
	status := 1
	for _, v := range list {
		before, _ := s.containers().List() // for those who hear of it
		gone, err := store.Remove(v, c.Force)
		for _, d := range gone {
			if i := slices.IndexFunc(before, func(x *containers.Container) bool { return x.ID == d.ID }); i >= 0 {
				s.containerEvent(before[i], events.Remove, nil)
			}
			fmt.Fprintf(os.Stderr, "coracle: removed container %s, which used the volume %s\n", d.Name, v.Name)
		}
		if err == nil {
			fmt.Println(v.Name)
			s.event(events.Volume, events.Remove, "", v.Name)
			continue
		}
		if errors.Is(err, volume.ErrInUse) {
			status = 2 // as podman has it
		}
		errs = append(errs, err)
	}
	if err := s.sweep(ctx); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return errStatus{status, err.Error()}
	}
	return nil
}
