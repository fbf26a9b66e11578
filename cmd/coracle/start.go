package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"coracle/launcher"
)

// StartCmd is `coracle start`.
type StartCmd struct {
	Names       []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	All         bool     `help:"Start all containers."`
	Filter      []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Start those that fit, as with ps."`
	Attach      bool     `short:"a" help:"Stay, and show the output; pass the exit status on."`
	Interactive bool     `short:"i" help:"Give it standard input."`
	SigProxy    bool     `default:"true" negatable:"" help:"With --attach, pass signals on."`
	Latest      bool     `short:"l" help:"The container made last."`
}

// Run starts the containers and prints their names, as docker does.
func (c *StartCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	names, err := choice{Names: c.Names, All: c.All, Latest: c.Latest, Filter: c.Filter}.names(all)
	if err != nil {
		return launcher.ExitFailed, err
	}
	if (c.Attach || c.Interactive) && len(names) > 1 {
		return launcher.ExitFailed, errors.New("only one container can be attached to")
	}
	var errs []error
	for _, name := range names {
		status, err := launcher.Start{Name: name, Attach: c.Attach || c.Interactive, Interactive: c.Interactive, SigProxy: c.SigProxy}.Start(ctx, os.Stderr)
		switch {
		case errors.Is(err, launcher.ErrRunning) && !c.Attach:
			err = nil // as in docker: it is what was wanted
		case err == nil && (c.Attach || c.Interactive):
			return status, nil
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Println(name)
	}
	return status(errs)
}

// status is 0, or 125 with what went wrong.
func status(errs []error) (int, error) {
	if err := errors.Join(errs...); err != nil {
		return launcher.ExitFailed, err
	}
	return 0, nil
}
