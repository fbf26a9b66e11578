//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"coracle/cmd/internal/format"
	"coracle/launcher/rootfs"
	"coracle/storage/engine/containerfs"
)

// cpCmd is `coracle cp`.
type cpCmd struct {
	Source string `arg:"" name:"source" help:"CONTAINER:PATH, a path of the host, or - for a tar stream on standard input."`
	Dest   string `arg:"" name:"destination" help:"CONTAINER:PATH, a path of the host, or - for a tar stream on standard output."`

	Archive    bool `short:"a" help:"Keep the owner."`
	FollowLink bool `short:"L" help:"Of a source that is a link copy what it leads to."`
	Quiet      bool `short:"q" help:"Do not say what was copied."`
	Overwrite  bool `help:"Let directories and other files take each other's place."`
}

// endpoint is one side of a copy: a container and a path in it, a path of the
// host, or a stream.
type endpoint struct{ container, path string }

func (e endpoint) stream() bool { return e.container == "" && e.path == "-" }

// parseEndpoint reads CONTAINER:PATH. As with docker, a path of the host with a
// colon in it begins with / or with a dot.
func parseEndpoint(arg string) endpoint {
	name, path, ok := strings.Cut(arg, ":")
	if !ok || strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, ".") || name == "" {
		return endpoint{path: arg}
	}
	return endpoint{name, path}
}

func (c *cpCmd) check(from, to endpoint) error {
	switch {
	case from.container == "" && to.container == "":
		return errors.New("neither source nor destination is in a container\n  fix: coracle cp CONTAINER:PATH PATH, or coracle cp PATH CONTAINER:PATH")
	case from.container == "" && from.path == "" || to.container == "" && to.path == "":
		return errors.New("a path is empty")
	case from.container != "" && from.path == "":
		return fmt.Errorf("%s: names no path\n  fix: coracle cp %s:/PATH …", c.Source, from.container)
	case to.container != "" && to.path == "":
		return fmt.Errorf("%s names no path\n  fix: coracle cp … %s:/PATH", c.Dest, to.container)
	case to.stream() && term.IsTerminal(1):
		return errors.New("standard output is a terminal, and a tar stream would go there\n  fix: coracle cp … - >FILE.tar")
	}
	return nil
}

func (c *cpCmd) Run(ctx context.Context, s *session) error {
	from, to := parseEndpoint(c.Source), parseEndpoint(c.Dest)
	if err := c.check(from, to); err != nil {
		return err
	}
	copy := &containerfs.Copy{
		From: containerfs.Host(), To: containerfs.Host(), Source: from.path, Dest: to.path,
		Archive: c.Archive, FollowLink: c.FollowLink, Overwrite: c.Overwrite, UID: s.UID, GID: s.GID,
	}
	if to.container != "" {
		r, err := s.root(ctx, to.container, rootfs.Write)
		if err != nil {
			return err
		}
		defer r.Close()
		copy.To = r.Root
		if same, err := s.sameContainer(from, r); err != nil {
			return err
		} else if same {
			copy.From = r.Root
		}
	}
	if from.container != "" && copy.From.IsHost() {
		r, err := s.root(ctx, from.container, rootfs.Files)
		if err != nil {
			return err
		}
		defer r.Close()
		copy.From = r.Root
	}
	var err error
	switch {
	case from.stream():
		err = copy.ReadFrom(ctx, os.Stdin)
	case to.stream():
		return copy.WriteTo(ctx, os.Stdout)
	default:
		err = copy.Run(ctx)
	}
	if err == nil && !c.Quiet && term.IsTerminal(2) {
		fmt.Fprintf(os.Stderr, "Successfully copied %s to %s\n", format.Size(copy.Bytes), c.Dest)
	}
	return err
}

// sameContainer tells whether a copy stays in one container, which then is opened
// once.
func (s *session) sameContainer(from endpoint, to *rootfs.Root) (bool, error) {
	if from.container == "" {
		return false, nil
	}
	c, err := s.containers().Find(from.container)
	if err != nil {
		return false, err
	}
	return c.ID == to.Container.ID, nil
}
