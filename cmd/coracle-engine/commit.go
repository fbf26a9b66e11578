//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"coracle/launcher/events"
	"coracle/launcher/pause"
	"coracle/launcher/rootfs"
	"coracle/storage/engine/commit"
	"coracle/storage/engine/containerfs"
	"coracle/storage/engine/images"
)

// commitCmd is `coracle commit`.
type commitCmd struct {
	Container string `arg:"" help:"Name or id."`
	Image     string `arg:"" optional:"" help:"Name of the new image."`

	Author         string   `short:"a" placeholder:"NAME" help:"Author of the image."`
	Message        string   `short:"m" placeholder:"TEXT" help:"Comment on the change."`
	Change         []string `short:"c" sep:"none" placeholder:"INSTRUCTION" help:"Apply a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR."`
	Pause          bool     `short:"p" negatable:"" help:"Stop the container's processes meanwhile."`
	Format         string   `short:"f" default:"oci" placeholder:"oci|docker" help:"Format of the manifest (oci)."`
	Quiet          bool     `short:"q" help:"Print nothing but the id."`
	Squash         bool     `short:"s" help:"Make one layer of all."`
	IncludeVolumes bool     `help:"Declare the container's volumes in the image."`
	Iidfile        string   `name:"iidfile" placeholder:"FILE" help:"Write the image's id to a file."`
}

func (c *commitCmd) check() error {
	if c.Format != "oci" && c.Format != "docker" {
		return fmt.Errorf("--format %q is neither oci nor docker", c.Format)
	}
	return nil
}

func (c *commitCmd) Run(ctx context.Context, s *session) error {
	if err := c.check(); err != nil {
		return err
	}
	p := commit.Params{
		Changes: c.Change, Squash: c.Squash, Docker: c.Format == "docker", Author: c.Author, Message: c.Message, Created: time.Now(),
	}
	if c.Image != "" {
		name, err := commit.Name(c.Image)
		if err != nil {
			return err
		}
		p.Names = []string{name}
	}
	err := s.changes(ctx, c.Container, func(changes *rootfs.Changes) error {
		commit := func() error { return c.commit(ctx, s, changes, p) }
		if !c.Pause {
			return commit()
		}
		return pause.While(ctx, s.containers(), changes.Container, commit)
	})
	if errors.Is(err, pause.ErrShared) {
		return fmt.Errorf("--pause: %w\n  fix: --pause=false", err)
	}
	if errors.Is(err, rootfs.ErrNoLayers) {
		return fmt.Errorf("%w, so nothing tells what it changed\n  fix: coracle export %s | coracle import - NAME", rootfs.ErrNoLayers, c.Container)
	}
	return err
}

func (c *commitCmd) commit(ctx context.Context, s *session, changes *rootfs.Changes, p commit.Params) error {
	store, img, err := s.image(ctx, changes.Container.Intent.ImageID)
	if err != nil {
		return lostImage(changes.Container.Intent.ImageID, err)
	}
	base, err := images.Read(store, img)
	if err != nil {
		return err
	}
	p.Base = &base.Config
	if err := c.configure(&p, changes); err != nil {
		return err
	}
	p.Layer = func(ctx context.Context, w io.Writer) error {
		a := containerfs.NewArchive(w)
		if err := changes.Layer(ctx, a); err != nil {
			return fmt.Errorf("cannot read what the container changed: %w", err)
		}
		return a.Close()
	}
	if c.Squash {
		p.Layer = func(ctx context.Context, w io.Writer) error {
			r, err := s.root(ctx, c.Container, rootfs.Bare)
			if err != nil {
				return err
			}
			defer r.Close()
			return writeRoot(ctx, r, w)
		}
	}
	id, notes, err := commit.Run(ctx, store, p)
	if err != nil {
		return fmt.Errorf("cannot commit: %w", err)
	}
	s.containerEvent(changes.Container, events.Commit, nil)
	return c.report(id, notes)
}

// configure makes the new image's configuration of the image's and of what the
// container was started with.
func (c *commitCmd) configure(p *commit.Params, changes *rootfs.Changes) error {
	p.Config, p.By = p.Base.Config, "/bin/sh"
	spec, err := changes.Container.Spec()
	if err != nil {
		return err
	}
	i := changes.Container.Intent
	started := commit.Started{User: i.User, Labels: i.Labels}
	if len(i.Args) > 1 {
		started.Command = commandOf(i.Args)
	}
	if spec.Process != nil {
		started.Args, started.Env, started.Cwd = spec.Process.Args, spec.Process.Env, spec.Process.Cwd
		p.By = strings.Join(spec.Process.Args, " ")
	}
	if c.IncludeVolumes {
		for _, m := range spec.Mounts {
			if rootfs.IsVolume(m) {
				started.Volumes = append(started.Volumes, m.Destination)
			}
		}
	}
	p.Config = started.Merge(p.Base.Config)
	return nil
}

// commandOf are the words after the image on run's command line, which may begin
// with --.
func commandOf(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	return args[min(1, len(args)):]
}

func (c *commitCmd) report(id string, notes []string) error {
	for _, n := range notes {
		if !c.Quiet {
			fmt.Fprintln(os.Stderr, "coracle: "+n)
		}
	}
	if c.Iidfile != "" {
		if err := whole(c.Iidfile, func(w io.Writer) error { _, err := io.WriteString(w, "sha256:"+id); return err }); err != nil {
			return fmt.Errorf("the image %s was made, but: %w", id, err)
		}
	}
	fmt.Println(id)
	return nil
}
