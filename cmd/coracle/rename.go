package main

import (
	"context"

	"coracle/launcher"
	"coracle/launcher/events"
)

// RenameCmd is `coracle rename`.
type RenameCmd struct {
	Name string `arg:"" name:"container" help:"Name or id."`
	To   string `arg:"" name:"name" help:"Its new name."`
}

// Run gives the container the name, whether it runs or not.
func (c *RenameCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	x, err := all.Find(c.Name)
	if err != nil {
		return launcher.ExitFailed, err
	}
	old := x.Name
	if err := all.Rename(x.Dir, c.To); err != nil {
		return launcher.ExitFailed, err
	}
	x.Name = c.To
	if err := all.Networks().Renamed(x); err != nil {
		return launcher.ExitFailed, err
	}
	all.Event(x, events.Rename, map[string]string{"oldName": old})
	return 0, nil
}
