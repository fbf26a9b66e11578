//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
)

// logoutCommand is `coracle logout`.
type logoutCommand struct {
	authFlags
	All bool `short:"a" help:"Forget all credentials."`

	Registry string `arg:"" optional:"" help:"Host of the registry; else the first of registries.conf, else docker.io."`
}

func (c *logoutCommand) Run(_ context.Context, s *session) error {
	if c.All && c.Registry != "" {
		return errors.New("--all and a registry contradict each other")
	}
	all, err := c.credentials(s)
	if err != nil {
		return err
	}
	if c.All {
		if err := all.LogoutAll(); err != nil {
			return err
		}
		fmt.Println("Removed login credentials for all registries")
		return nil
	}
	if c.Registry == "" {
		if c.Registry, err = all.Registry(); err != nil {
			return err
		}
	}
	if err := all.Logout(c.Registry); err != nil {
		return err
	}
	fmt.Println("Removed login credentials for", c.Registry)
	return nil
}
