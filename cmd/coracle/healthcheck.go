package main

import (
	"context"
	"fmt"

	"coracle/launcher"
	"coracle/launcher/containers"
)

// HealthcheckRunCmd is `coracle healthcheck run`.
type HealthcheckRunCmd struct {
	Name         string `arg:"" optional:"" name:"container" help:"Name or id."`
	Latest       bool   `short:"l" help:"The container made last."`
	IgnoreResult bool   `help:"Exit with 0 whatever the check finds."`
}

// Run has a check made, and tells what it found by the exit status, as podman
// does: 0 success, 1 failure, 125 when there is nothing to check.
func (c *HealthcheckRunCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	name, err := chosenOne(all, c.Name, c.Latest)
	if err != nil {
		return launcher.ExitFailed, err
	}
	ok, status, err := all.CheckHealth(ctx, name)
	if err != nil {
		return launcher.ExitFailed, err
	}
	if ok {
		return 0, nil
	}
	if status == containers.Healthy { // podman's word for one that failed, but not often enough
		status = containers.Unhealthy
	}
	fmt.Println(status)
	if c.IgnoreResult {
		return 0, nil
	}
	return 1, nil
}
