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
	Ignore  bool     `short:"i" help:"Unknown containers are no error."`
	Volumes bool     `short:"v" help:"Remove their anonymous volumes, too."`
	Time    *int     `short:"t" aliases:"timeout" placeholder:"SECONDS" help:"With --force: stop them first, and kill them after this time, -1 for never."`
}

// Run removes the containers and prints their names, as docker does.
func (c *RmCmd) Run(ctx context.Context) (int, error) {
	if len(c.Names) == 0 && !c.All {
		return launcher.ExitFailed, errors.New("no container named\n  fix: coracle rm NAME…, or --all")
	}
	if len(c.Names) > 0 && c.All {
		return launcher.ExitFailed, errors.New("--all and names contradict each other")
	}
	if c.Time != nil && !c.Force {
		return launcher.ExitFailed, errors.New("--time is how long to wait before killing, and nothing is killed without --force\n  fix: coracle rm --force --time SECONDS …")
	}
	err := launcher.Remove(ctx, launcher.Removal{Names: c.Names, All: c.All, Force: c.Force, Ignore: c.Ignore || c.Force, Volumes: c.Volumes, Time: seconds(c.Time)}, func(name string) {
		fmt.Println(name)
	})
	if err != nil {
		return 1, err
	}
	return 0, nil
}
