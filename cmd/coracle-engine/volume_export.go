//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"coracle/storage/volume"
	"coracle/storage/volume/archive"
)

// volumeExport is `coracle volume export`.
type volumeExport struct {
	Name   string `arg:"" name:"volume" help:"Name."`
	Output string `short:"o" placeholder:"FILE" help:"Write to a file; without, to standard output, which must not be a terminal."`
}

func (c *volumeExport) Run(ctx context.Context, s *session) error {
	v, data, err := openContent(s, c.Name)
	if err != nil {
		return err
	}
	defer unix.Close(data)
	out := os.Stdout
	if c.Output != "" && c.Output != "-" {
		if out, err = os.Create(c.Output); err != nil {
			return fmt.Errorf("cannot write the archive: %w", err)
		}
	} else if isTerminal(out) {
		return errors.New("an archive is not for a terminal\n  fix: --output FILE, or a redirection")
	}
	err = archive.Export(ctx, data, out)
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("cannot export the volume %q: %w", v.Name, err)
	}
	return nil
}

// openContent opens what is in a volume, if that is a directory of the store.
func openContent(s *session, name string) (*volume.Volume, int, error) {
	v, err := s.volumes().Find(name)
	if err == nil && v.Err != nil {
		err = v.Err
	}
	if err != nil {
		return nil, -1, err
	}
	local, err := volume.ParseOptions(v.Options)
	if err != nil {
		return nil, -1, err
	}
	switch local.Type {
	case "tmpfs":
		return nil, -1, fmt.Errorf("the volume %q is a tmpfs, which is there only while a container has it", v.Name)
	case "bind":
		return nil, -1, fmt.Errorf("the volume %q is the host's directory %s\n  fix: tar -C %s …", v.Name, local.Device, local.Device)
	}
	data, err := s.volumes().OpenData(v)
	return v, data, err
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// volumeImport is `coracle volume import`.
type volumeImport struct {
	Name   string `arg:"" name:"volume" help:"Name."`
	Source string `arg:"" optional:"" name:"file" help:"Tar archive, perhaps compressed; - or none is standard input."`
}

func (c *volumeImport) Run(ctx context.Context, s *session) error {
	v, data, err := openContent(s, c.Name)
	if err != nil {
		return err
	}
	defer unix.Close(data)
	var in io.Reader = os.Stdin
	if c.Source != "" && c.Source != "-" {
		f, err := os.Open(c.Source)
		if err != nil {
			return fmt.Errorf("cannot read the archive: %w", err)
		}
		defer f.Close()
		in = f
	} else if isTerminal(os.Stdin) {
		return errors.New("an archive is not typed\n  fix: coracle volume import " + c.Name + " FILE")
	}
	plain, err := archive.Decompress(in)
	if err != nil {
		return err
	}
	defer plain.Close()
	if err := archive.Import(ctx, plain, data, archive.Limits{}); err != nil {
		return fmt.Errorf("cannot import into the volume %q: %w", v.Name, err)
	}
	return s.volumes().Imported(v)
}
