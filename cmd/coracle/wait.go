package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"coracle/launcher"
	"coracle/storage"
)

// WaitCmd is `coracle wait`.
type WaitCmd struct {
	Names     []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	Latest    bool     `short:"l" help:"The container made last."`
	Ignore    bool     `help:"Unknown containers are no error."`
	Condition []string `placeholder:"CONDITION" help:"Wait for one of these, not for the end: created, exited, healthy, next-exit, not-running, paused, removing, restarting, running, stopped, unhealthy."`
	Interval  string   `short:"i" default:"250ms" placeholder:"TIME" help:"Time between looks, for conditions that nobody tells of."`
}

// Run prints the exit status of each container when it has ended, or -1 when it
// is in another of the states asked for.
func (c *WaitCmd) Run(ctx context.Context) (int, error) {
	interval, err := time.ParseDuration(c.Interval)
	if err != nil {
		if n, nerr := strconv.ParseUint(c.Interval, 10, 31); nerr == nil { // podman: milliseconds
			interval, err = time.Duration(n)*time.Millisecond, nil
		}
	}
	if err != nil || interval <= 0 {
		return launcher.ExitFailed, fmt.Errorf("invalid --interval %q: a time is wanted, as in 500ms", c.Interval)
	}
	want, end, err := waitConditions(c.Condition)
	if err != nil {
		return launcher.ExitFailed, err
	}
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
		n, err := waitFor(ctx, all, name, want, end, interval)
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

// waitConditions tells the end of a container from its other states.
func waitConditions(asked []string) (want []string, end bool, err error) {
	ends := []string{"stopped", "exited", "not-running", "next-exit"} // podman's, docker's
	known := []string{"created", "configured", "initialized", "healthy", "unhealthy", "paused", "removing", "removed", "running", "stopping", "restarting"}
	for _, list := range asked {
		for _, one := range strings.Split(list, ",") {
			switch {
			case slices.Contains(ends, one):
				end = true
			case slices.Contains(known, one):
				want = append(want, one)
			default:
				return nil, false, fmt.Errorf("invalid --condition %q: %s are possible", one, strings.Join(slices.Concat(known, ends), ", "))
			}
		}
	}
	return want, end || len(want) == 0, nil
}

// waitFor waits for the end of a container, or for one of other states.
func waitFor(ctx context.Context, all *launcher.Containers, name string, want []string, end bool, interval time.Duration) (int, error) {
	if len(want) == 0 {
		return all.Wait(ctx, name)
	}
	gone := slices.Contains(want, "removing") || slices.Contains(want, "removed")
	for {
		x, err := all.Find(name)
		switch {
		case gone && errors.Is(err, storage.ErrNoContainer):
			return -1, nil
		case err != nil:
			return 0, err
		case end && x.Exit != nil && !x.Running:
			return x.Exit.Status, nil
		case slices.Contains(want, x.Status()), slices.Contains(want, launcher.HealthStatus(x)):
			return -1, nil
		}
		time.Sleep(interval)
	}
}
