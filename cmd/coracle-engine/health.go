//go:build containers_image_openpgp

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"coracle/launcher/containers"
	"coracle/storage/engine/health"
)

// healthFacts tells package health of containers, which it does not know.
type healthFacts struct{ set containers.Set }

func (f healthFacts) List() ([]*health.Facts, error) {
	list, err := f.set.List()
	if err != nil {
		return nil, err
	}
	all := make([]*health.Facts, len(list))
	for i, c := range list {
		all[i] = &health.Facts{
			Dir: c.Dir, Running: c.Running, Image: c.Intent.ImageID, Images: c.Images(),
			Command: commandOf(c.Intent.Args), Labels: c.Intent.Labels, Created: c.Intent.Created,
		}
		if c.Keep && !c.Running {
			all[i].Damage, all[i].NeverStarted = damage(c), neverStarted(c)
		}
	}
	return all, nil
}

func (healthFacts) Lives(pid int, start string) bool { return containers.StartTime(pid) == start }

// damage is what keeps a container from being started.
func damage(c *containers.Container) error {
	if c.Err != nil {
		return c.Err
	}
	if _, err := c.ReadFact(containers.SpecFact); err != nil {
		return fmt.Errorf("its record %s cannot be read", containers.SpecFact)
	}
	return nil
}

func neverStarted(c *containers.Container) bool {
	if _, ok := containers.ReadState(c.Dir); ok {
		return false
	}
	missing := false
	for _, fact := range []string{containers.IntentFact, containers.SpecFact} {
		_, err := c.ReadFact(fact)
		missing = missing || errors.Is(err, fs.ErrNotExist)
	}
	return missing && nothingIn(c.Upper())
}

// nothingIn tells that a directory is empty, or not there.
func nothingIn(path string) bool {
	dir, err := os.Open(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer dir.Close()
	_, err = dir.Readdirnames(1)
	return err == io.EOF
}
