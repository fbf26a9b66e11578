//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/storage/volume"
)

// volumeMount is `coracle volume mount`. A volume is a directory, or is mounted
// where a container runs: there is nothing to do but to say where it lies.
type volumeMount struct {
	Names []string `arg:"" name:"volume" help:"Names."`
}

func (c *volumeMount) Run(_ context.Context, s *session) error {
	var failed error
	for _, name := range c.Names {
		v, err := s.volumes().Find(name)
		var local volume.Local
		if err == nil {
			local, err = volume.ParseOptions(v.Options)
		}
		switch {
		case err != nil:
		case local.Type != "" && local.Type != "none" || local.Device != "":
			err = fmt.Errorf("the volume %q is no directory of its own: it is mounted for containers only\n  fix: coracle run --rm -v %[1]s:/volume …", v.Name)
		default:
			fmt.Println(v.Mountpoint())
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// volumeUnmount is `coracle volume unmount`: see [volumeMount].
type volumeUnmount struct {
	Names []string `arg:"" name:"volume" help:"Names."`
}

func (c *volumeUnmount) Run(_ context.Context, s *session) error {
	var failed error
	for _, name := range c.Names {
		v, err := s.volumes().Find(name)
		if err == nil {
			fmt.Println(v.Name)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
