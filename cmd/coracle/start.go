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
	names, err := chosen(all, c.Names, c.All, c.Latest)
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

// chosen are the containers that a command line names in one of the ways.
func chosen(all *launcher.Containers, names []string, every, latest bool) ([]string, error) {
	if !every && !latest {
		if len(names) == 0 {
			return nil, errors.New("no container named\n  fix: give names or ids; coracle ps -a lists them")
		}
		return names, nil
	}
	if len(names) > 0 || every && latest {
		return nil, errors.New("--all, --latest and names contradict each other")
	}
	list, err := all.List()
	if err != nil {
		return nil, err
	}
	newest := -1
	for i, x := range list {
		names = append(names, x.ID)
		if newest < 0 || x.Intent.Created.After(list[newest].Intent.Created) {
			newest = i
		}
	}
	if latest {
		if newest < 0 {
			return nil, errors.New("there are no containers")
		}
		return []string{list[newest].ID}, nil
	}
	return names, nil
}

// chosenOne is chosen for commands that take one container.
func chosenOne(all *launcher.Containers, name string, latest bool) (string, error) {
	var names []string
	if name != "" {
		names = []string{name}
	}
	names, err := chosen(all, names, false, latest)
	if err != nil {
		return "", err
	}
	return names[0], nil
}
