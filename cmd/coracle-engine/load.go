//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"coracle/launcher/events"
	"coracle/storage/engine"
	"coracle/storage/engine/transfer"
)

// loadCommand is `coracle load`.
type loadCommand struct {
	Input string `short:"i" help:"File or directory to read; else standard input." placeholder:"PATH"`
	Quiet bool   `short:"q" help:"No progress."`

	IDs string `name:"ids" help:"What to do with files whose owners are beyond your ids: squash gives them to root and remembers whose they were." placeholder:"squash"`

	Platform  []string `help:"Only images for OS/ARCH[/VARIANT]; any number." placeholder:"PLATFORM"`
	SigPolicy string   `name:"signature-policy" hidden:"" help:"policy.json to obey." placeholder:"FILE"`
}

func (c *loadCommand) Run(ctx context.Context, s *session) error {
	f, path, err := c.open()
	if err != nil {
		return err
	}
	store, err := s.taking()
	if err != nil {
		return err
	}
	l := &transfer.Load{Store: store, Path: path, IDs: c.IDs, Platforms: c.Platform, Note: func(n string) { fmt.Fprintln(os.Stderr, "coracle: "+n) }}
	if c.SigPolicy != "" {
		sys := *store.Sys
		sys.SignaturePolicyPath, store.Sys = c.SigPolicy, &sys
	}
	if !c.Quiet {
		l.Progress = os.Stderr
	}
	loaded, err := l.Run(ctx, f)
	for _, i := range loaded {
		if len(i.Names) == 0 {
			fmt.Println("Loaded image: sha256:" + i.ID)
		}
		for _, n := range i.Names {
			fmt.Println("Loaded image: " + n)
		}
		s.imageEvents(events.Load, i.ID, i.Names)
	}
	return engine.Explain(ctx, err)
}

func (c *loadCommand) open() (f *os.File, path string, err error) {
	if c.Input != "" && c.Input != "-" {
		if f, err = os.Open(c.Input); err != nil {
			err = fmt.Errorf("cannot read the archive: %w\n  fix: coracle load --input FILE, which save wrote, and you may read", err)
		}
		return f, c.Input, err
	}
	if term.IsTerminal(0) {
		return nil, "", errors.New("standard input is a terminal, not an archive\n  fix: coracle load --input FILE   (or: … | coracle load)")
	}
	return os.Stdin, "standard input", nil
}
