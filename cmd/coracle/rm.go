package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/launcher"
)

// RmCmd is `coracle rm`.
type RmCmd struct {
	Names   []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	All     bool     `short:"a" help:"Remove all containers."`
	Force   bool     `short:"f" help:"Kill running containers first; unknown ones are no error."`
	Latest  bool     `short:"l" help:"The container made last."`
	Filter  []string `sep:"none" placeholder:"KEY=VALUE" help:"Remove those that fit, as with ps."`
	Cidfile []string `sep:"none" placeholder:"FILE" help:"The container whose id a file holds."`
	Depend  bool     `help:"Those that share namespaces or volumes with them, too."`
	Ignore  bool     `short:"i" help:"Unknown containers are no error."`
	Volumes bool     `short:"v" help:"Remove their anonymous volumes, too."`
	Time    *int     `short:"t" aliases:"timeout" placeholder:"SECONDS" help:"With --force: stop them first, and kill them after this time, -1 for never."`
}

// Run removes the containers and prints their names, as docker does.
func (c *RmCmd) Run(ctx context.Context) (int, error) {
	if c.Time != nil && !c.Force {
		return launcher.ExitFailed, errors.New("--time is how long to wait before killing, and nothing is killed without --force\n  fix: coracle rm --force --time SECONDS …")
	}
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	names, err := choice{Names: c.Names, All: c.All, Latest: c.Latest, Filter: c.Filter, Cidfile: c.Cidfile, Ignore: c.Ignore || c.Force}.names(all)
	if err == nil && c.Depend {
		names, err = withDependents(all, names)
	}
	if err != nil {
		return launcher.ExitFailed, err
	}
	every := c.All && len(c.Filter) == 0 && !c.Depend
	if every {
		names = nil // half-made ones, too
	}
	chosen := c.All || len(c.Filter) > 0 // what goes meanwhile is no error
	err = launcher.Remove(ctx, launcher.Removal{Names: names, All: every, Force: c.Force, Ignore: c.Ignore || c.Force || chosen, Volumes: c.Volumes, Time: seconds(c.Time)}, func(name string) {
		fmt.Println(name)
	})
	if err != nil {
		return 1, err
	}
	return 0, nil
}
