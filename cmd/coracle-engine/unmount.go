//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/launcher/events"
)

// unmountCmd is `coracle unmount`.
type unmountCmd struct {
	Containers []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	All        bool     `short:"a" help:"Unmount all containers."`
	Force      bool     `short:"f" help:"Unmount what is in use, too."`
	Latest     bool     `short:"l" help:"Unmount the container that was made last."`
}

func (c *unmountCmd) Run(ctx context.Context, s *session) error {
	switch {
	case c.All && (c.Latest || len(c.Containers) > 0), c.Latest && len(c.Containers) > 0:
		return errors.New("--all, --latest and names contradict each other")
	case !c.All && !c.Latest && len(c.Containers) == 0:
		return errors.New("no container named\n  fix: coracle unmount NAME…, or --all")
	}
	if err := s.unshared("unmount"); err != nil {
		return err
	}
	names := c.Containers
	if c.Latest {
		var err error
		if names, err = s.named(true); err != nil {
			return err
		}
	}
	m := s.mounts()
	if c.All {
		mounted, err := m.List()
		if err != nil {
			return err
		}
		for _, at := range mounted {
			names = append(names, at.ID)
		}
	}
	var errs []error
	for _, name := range names {
		id, err := m.Unmount(name, c.Force)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Println(id)
		if x, err := s.containers().Find(id); err == nil {
			s.containerEvent(x, events.Unmount, nil)
		}
	}
	return errors.Join(errs...)
}
