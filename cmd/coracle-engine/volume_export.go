//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"coracle/storage/engine/containerfs"
	"coracle/storage/volume"
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
	write := func(w io.Writer) error { return containerfs.ExportVolume(ctx, data, w, shortened) }
	switch {
	case c.Output != "" && c.Output != "-":
		err = whole(c.Output, write)
	case term.IsTerminal(1):
		return errors.New("an archive is not for a terminal\n  fix: --output FILE, or a redirection")
	default:
		err = write(os.Stdout)
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
