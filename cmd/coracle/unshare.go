package main

import (
	"context"
	"errors"

	"coracle/launcher"
)

// UnshareCmd is `coracle unshare`.
type UnshareCmd struct {
	Argv          []string `arg:"" optional:"" passthrough:"partial" name:"command…" help:"Command to run; your shell without one."`
	RootlessNetns bool     `name:"rootless-netns" help:"Not possible: containers have no network namespace in common."`
}

// Run runs the command as mapped root and returns its exit status.
func (c *UnshareCmd) Run(ctx context.Context) (int, error) {
	if c.RootlessNetns {
		return launcher.ExitFailed, errors.New("--rootless-netns: containers have no network namespace in common that could be joined\n  fix: coracle run --network container:NAME …")
	}
	argv := c.Argv
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	return launcher.Unshare(ctx, argv)
}
