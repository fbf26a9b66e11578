//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"coracle/cmd/internal/format"
	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/rootfs"
)

// mountCmd is `coracle mount`.
type mountCmd struct {
	Containers []string `arg:"" optional:"" name:"container" help:"Names or ids; none: list what is mounted."`
	All        bool     `short:"a" help:"Mount all containers."`
	Latest     bool     `short:"l" help:"Mount the container that was made last."`
	Format     string   `placeholder:"json" help:"List as JSON."`
	NoTrunc    bool     `name:"no-trunc" aliases:"notruncate" help:"Print whole ids."`
}

// mountedRow is a mounted container.
type mountedRow struct {
	ID    string `json:"id"`
	Names string `json:"names"`
	Path  string `json:"mountpoint"`
}

// unshared says what to do outside of coracle unshare.
func (s *session) unshared(verb string) error {
	if !s.Unshared {
		return fmt.Errorf("a mount lasts as long as its mount namespace, and this command's ends with it\n  fix: coracle unshare   (a shell in which mounts stay; type coracle %s there)", verb)
	}
	return nil
}

func (s *session) mounts() rootfs.Mounts {
	return rootfs.Mounts{Run: s.Run, Holder: s.Holder, Opener: s.opener()}
}

func (c *mountCmd) Run(ctx context.Context, s *session) error {
	switch {
	case c.Format != "" && c.Format != "json":
		return fmt.Errorf("--format %q: only json is known", c.Format)
	case c.All && (c.Latest || len(c.Containers) > 0), c.Latest && len(c.Containers) > 0:
		return errors.New("--all, --latest and names contradict each other")
	}
	if err := s.unshared("mount"); err != nil {
		return err
	}
	names := c.Containers
	if c.All || c.Latest {
		var err error
		if names, err = s.named(c.Latest); err != nil {
			return err
		}
	} else if len(names) == 0 {
		return c.list(s)
	}
	var errs []error
	for _, name := range names {
		path, err := s.mounts().Mount(ctx, name)
		if x, missing := s.containers().Find(name); err == nil && missing == nil {
			s.containerEvent(x, events.Mount, nil)
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case len(names) == 1 && !c.All:
			fmt.Println(path)
		default:
			fmt.Println(name, path)
		}
	}
	return errors.Join(errs...)
}

// named are the ids of all containers, or of the one that was made last.
func (s *session) named(latest bool) ([]string, error) {
	all, err := s.containers().List()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *containers.Container) int { return b.Intent.Created.Compare(a.Intent.Created) })
	if latest {
		if len(all) == 0 {
			return nil, errors.New("there is no container")
		}
		all = all[:1]
	}
	var ids []string
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids, nil
}

func (c *mountCmd) list(s *session) error {
	mounted, err := s.mounts().List()
	if err != nil {
		return err
	}
	rows := []mountedRow{}
	for _, m := range mounted {
		r := mountedRow{ID: m.ID, Path: m.Path}
		if found, err := s.containers().Find(m.ID); err == nil {
			r.Names = found.Name
		}
		if !c.NoTrunc && c.Format == "" {
			r.ID = format.ShortID(r.ID)
		}
		rows = append(rows, r)
	}
	return format.List{Format: c.Format, Default: "{{.ID}}\t{{.Path}}", NoHeading: true}.Print(os.Stdout, rows)
}
