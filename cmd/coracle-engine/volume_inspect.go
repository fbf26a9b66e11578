//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"os"

	"coracle/cmd/internal/format"
	"coracle/storage/volume"
)

// volumeInspect is `coracle volume inspect`.
type volumeInspect struct {
	Names  []string `arg:"" optional:"" name:"volume" help:"Names."`
	All    bool     `short:"a" help:"Inspect all volumes."`
	Format string   `short:"f" placeholder:"TEMPLATE" help:"How to print: json or a Go template."`
}

func (c *volumeInspect) Run(_ context.Context, s *session) error {
	switch {
	case c.All && len(c.Names) > 0:
		return errors.New("--all and names contradict each other")
	case !c.All && len(c.Names) == 0:
		return errors.New("no volume named\n  fix: coracle volume inspect NAME…, or --all")
	}
	users, err := s.volumes().Users()
	if err != nil {
		return err
	}
	rows := []any{}
	var missing error
	if c.All {
		err = eachVolume(s, func(v *volume.Volume, n int) { rows = append(rows, newVolumeRow(v, n)) })
	}
	for _, name := range c.Names {
		v, err := s.volumes().Find(name)
		if err != nil {
			missing = errors.Join(missing, err)
			continue
		}
		rows = append(rows, newVolumeRow(v, len(users[v.Name])))
	}
	if err != nil {
		return err
	}
	// What is there is printed all the same, as docker and podman do.
	return errors.Join(format.Inspect(os.Stdout, c.Format, rows), missing)
}
