package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/launcher"
	"coracle/launcher/intent"
)

// UpdateCmd is `coracle update`.
type UpdateCmd struct {
	Names []string `arg:"" name:"container" help:"Names or ids."`

	intent.Limits       `embed:""`
	intent.RestartFlags `embed:""`
}

var errNoUpdate = errors.New("update needs a limit or --restart\n  fix: coracle update --memory 512m CONTAINER")

// Run changes the containers and prints their names.
func (c *UpdateCmd) Run(ctx context.Context) (int, error) {
	if !c.Limits.Any() && c.Restart == "" {
		return launcher.ExitFailed, errNoUpdate
	}
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	var errs []error
	for _, name := range c.Names {
		err := all.Update(ctx, name, func(o *intent.Options) error {
			o.Limits.Update(&c.Limits)
			if c.Restart != "" {
				o.Restart = c.Restart
			}
			return nil
		})
		if err == nil {
			fmt.Println(name)
		}
		errs = append(errs, err)
	}
	return status(errs)
}
