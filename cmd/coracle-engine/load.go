//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"coracle/storage/engine"
	"coracle/storage/engine/transfer"
)

// loadCommand is `coracle load`.
type loadCommand struct {
	Input string `short:"i" help:"File or directory to read; else standard input." placeholder:"PATH"`
	Quiet bool   `short:"q" help:"No progress."`
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
	l := &transfer.Load{Store: store, Path: path, Note: func(n string) { fmt.Fprintln(os.Stderr, "coracle: "+n) }}
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
	}
	return engine.Explain(ctx, err)
}

func (c *loadCommand) open() (f *os.File, path string, err error) {
	if c.Input != "" && c.Input != "-" {
		f, err = os.Open(c.Input)
		return f, c.Input, err
	}
	if term.IsTerminal(0) {
		return nil, "", errors.New("standard input is a terminal, not an archive\n  fix: coracle load --input FILE   (or: … | coracle load)")
	}
	return os.Stdin, "standard input", nil
}
