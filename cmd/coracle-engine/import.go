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

	"golang.org/x/term"

	"coracle/launcher/events"
	"coracle/storage/engine"
	"coracle/storage/engine/transfer"
)

// importCommand is `coracle import`.
type importCommand struct {
	Change  []string `short:"c" sep:"none" help:"Dockerfile instruction to apply: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR." placeholder:"INSTRUCTION"`
	Message string   `short:"m" help:"Comment for the image." placeholder:"TEXT"`
	Arch    string   `help:"Architecture of the image; else this machine's." placeholder:"ARCH"`
	OS      string   `name:"os" help:"System of the image; else linux." placeholder:"OS"`
	Variant string   `help:"Variant of the architecture." placeholder:"VARIANT"`
	Quiet   bool     `short:"q" help:"No progress."`

	Platform  string `help:"OS/ARCH[/VARIANT] of the image: all three in one word." placeholder:"PLATFORM"`
	SigPolicy string `name:"signature-policy" hidden:"" help:"podman's; does nothing: what is made here is trusted."`

	Tar  string `arg:"" optional:"" help:"File or URL of a tar, compressed or not; - or nothing for standard input."`
	Name string `arg:"" optional:"" help:"Name of the image."`
}

func (c *importCommand) Run(ctx context.Context, s *session) error {
	if err := c.platform(); err != nil {
		return err
	}
	i := &transfer.Import{
		From: c.Tar, Changes: c.Change, Message: c.Message, OS: c.OS, Arch: c.Arch, Variant: c.Variant, Created: time.Now(),
	}
	if c.OS != "" && c.OS != "linux" {
		return fmt.Errorf("--os %q: only images for linux can be kept here", c.OS)
	}
	if c.Name != "" {
		name, ok := engine.LocalName(c.Name)
		if !ok || strings.Contains(c.Name, "@") {
			return fmt.Errorf("%q is no image name\n  fix: NAME[:TAG] in lower case", c.Name)
		}
		i.Name = name
	}
	in, err := c.open(ctx, i)
	if err != nil {
		return err
	}
	defer in.Close()
	if i.Store, err = s.taking(); err != nil {
		return err
	}
	if !c.Quiet {
		i.Progress = os.Stderr
	}
	id, err := i.Run(ctx, in)
	if err != nil {
		return engine.Explain(ctx, err)
	}
	fmt.Println("sha256:" + id)
	s.event(events.Image, events.Import, id, c.Name)
	return nil
}

// platform takes --platform apart.
func (c *importCommand) platform() error {
	if c.Platform == "" {
		return nil
	}
	if c.OS != "" || c.Arch != "" || c.Variant != "" {
		return errors.New("--platform says it all: it cannot be combined with --os, --arch and --variant")
	}
	p, err := engine.ParsePlatform(c.Platform)
	if err != nil {
		return err
	}
	parts := append(strings.Split(p, "/"), "")
	c.OS, c.Arch, c.Variant = parts[0], parts[1], parts[2]
	return nil
}

func (c *importCommand) open(ctx context.Context, i *transfer.Import) (io.ReadCloser, error) {
	switch {
	case strings.HasPrefix(c.Tar, "http://"), strings.HasPrefix(c.Tar, "https://"):
		return transfer.Download(ctx, c.Tar)
	case c.Tar == "", c.Tar == "-":
		i.From = "-"
		if term.IsTerminal(0) {
			return nil, errors.New("standard input is a terminal, not a tar\n  fix: coracle import FILE")
		}
		return os.Stdin, nil
	}
	return os.Open(c.Tar)
}
