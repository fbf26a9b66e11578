//go:build containers_image_openpgp

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"coracle/launcher/rootfs"
	"coracle/storage/engine/containerfs"
)

// exportCmd is `coracle export`.
type exportCmd struct {
	Container string `arg:"" help:"Name or id."`
	Output    string `short:"o" placeholder:"FILE" help:"Write to a file."`
}

func (c *exportCmd) Run(ctx context.Context, s *session) error {
	if c.Output == "" && term.IsTerminal(1) {
		return errors.New("standard output is a terminal, and a tar stream would go there\n  fix: coracle export -o FILE.tar …, or coracle export … >FILE.tar")
	}
	r, err := s.root(ctx, c.Container, rootfs.Bare)
	if err != nil {
		return err
	}
	defer r.Close()
	if c.Output == "" {
		return writeRoot(ctx, r, os.Stdout)
	}
	return whole(c.Output, func(w io.Writer) error { return writeRoot(ctx, r, w) })
}

// writeRoot writes a root file system as a tar stream.
func writeRoot(ctx context.Context, r *rootfs.Root, w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 256<<10)
	a := containerfs.NewArchive(buffered)
	a.Changed = shortened
	t := containerfs.Tree{Sink: a, Owners: r.Owners, OneMount: r.OneMount, Restore: true}
	err := t.Walk(ctx, r.FD, "")
	if err == nil {
		err = a.Close()
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot export: %w", err)
	}
	return nil
}

func shortened(name string) {
	fmt.Fprintf(os.Stderr, "coracle: %q became shorter while it was read: zeros stand for what is missing\n", "/"+name)
}

// whole writes a file that is there when it is complete, and not before. What is
// no regular file is written to as it is.
func whole(path string, write func(io.Writer) error) error {
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(0o600)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
