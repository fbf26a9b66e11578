package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/launcher"
	"coracle/storage"
)

// WaitCmd is `coracle wait`.
type WaitCmd struct {
	Names  []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	Latest bool     `short:"l" help:"The container made last."`
	Ignore bool     `help:"Unknown containers are no error."`
}

// Run prints the exit status of each container when it has ended.
func (c *WaitCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	names, err := chosen(all, c.Names, false, c.Latest)
	if err != nil {
		return launcher.ExitFailed, err
	}
	var errs []error
	for _, name := range names {
		n, err := all.Wait(ctx, name)
		switch {
		case errors.Is(err, storage.ErrNoContainer) && c.Ignore:
			n = -1 // podman's answer
		case err != nil:
			errs = append(errs, err)
			continue
		}
		fmt.Println(n)
	}
	return status(errs)
}
