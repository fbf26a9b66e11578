//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/term"

	"coracle/launcher/events"
	"coracle/storage/engine"
	"coracle/storage/engine/images"
	"coracle/storage/engine/transfer"
)

// saveCommand is `coracle save`.
type saveCommand struct {
	Format       string `help:"docker-archive, oci-archive, oci-dir or docker-dir." default:"docker-archive" enum:"docker-archive,oci-archive,oci-dir,docker-dir"`
	Output       string `short:"o" help:"File or directory to write; else standard output." placeholder:"PATH"`
	Quiet        bool   `short:"q" help:"No progress."`
	Compress     bool   `help:"Compress layers, with docker-dir."`
	Uncompressed bool   `help:"Leave layers as they are, with oci-archive and oci-dir."`
	Multi        bool   `name:"multi-image-archive" short:"m" help:"podman's; several images are always taken."`

	Platform  string `help:"The image for OS/ARCH[/VARIANT], where several of a list are in the store." placeholder:"PLATFORM"`
	SigPolicy string `name:"signature-policy" hidden:"" help:"podman's; does nothing: what is in the store was accepted."`

	Images []string `arg:"" help:"Images to save; two names of one image are one image with two names."`
}

func (c *saveCommand) Run(ctx context.Context, s *session) error {
	if err := c.check(); err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	items, err := c.items(ctx, store)
	if err != nil {
		return err
	}
	sys := *store.Sys
	var done func()
	if sys.BigFilesTemporaryDir, done, err = store.Scratch(); err != nil {
		return err
	}
	defer done()
	w := &transfer.Save{Store: store, Sys: &sys, Kind: c.Format}
	w.Compress, w.Plain = c.Compress, c.Uncompressed
	if !c.Quiet {
		w.Progress = transfer.NewProgress(os.Stderr)
	}
	if c.Output != "" && !isStream(c.Output) {
		err = w.To(ctx, c.Output, items)
	} else {
		err = w.Stream(ctx, os.Stdout, items)
	}
	if err != nil {
		return engine.Explain(ctx, err)
	}
	for _, i := range items {
		s.imageEvents(events.Save, i.Image.ID, i.Names)
	}
	return nil
}

// isStream is for podman's way to say standard output.
func isStream(path string) bool { return path == "-" || path == "/dev/stdout" }

func (c *saveCommand) check() error {
	switch {
	case c.Compress && c.Format != "docker-dir":
		return errors.New("--compress is for --format docker-dir: docker's archives hold plain layers, OCI's compressed ones")
	case c.Uncompressed && c.Format != "oci-archive" && c.Format != "oci-dir":
		return fmt.Errorf("--uncompressed is for OCI formats, not for %s", c.Format)
	case (c.Output == "" || isStream(c.Output)) && term.IsTerminal(1):
		return errors.New("an archive is not written to a terminal\n  fix: --output FILE, or redirect standard output")
	}
	return nil
}

// items finds the images: each once, with the names that it was called by.
func (c *saveCommand) items(ctx context.Context, store *engine.Store) (items []transfer.Item, err error) {
	for _, word := range c.Images {
		img, err := images.Find(ctx, store, word)
		if err != nil {
			return nil, err
		}
		name := transfer.NameOf(img.Names, word)
		if img, err = images.ForPlatform(store, img, c.Platform); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(items, func(have transfer.Item) bool { return have.Image.ID == img.ID })
		if i < 0 {
			i = len(items)
			items = append(items, transfer.Item{Image: img})
		}
		if name != "" && !slices.Contains(items[i].Names, name) {
			items[i].Names = append(items[i].Names, name)
		}
	}
	return items, nil
}
