package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"coracle/launcher"
	"coracle/slirp/networks"
)

// NetworkRmCmd is `coracle network rm`.
type NetworkRmCmd struct {
	Names []string `arg:"" name:"network" help:"Names or ids."`
	Force bool     `short:"f" help:"Remove the containers that use them first; networks that are not there are no error."`
	Time  int      `short:"t" default:"10" placeholder:"SECONDS" help:"With --force: how long running containers may take to stop, -1 for ever."`
}

// inUseStatus is podman's exit status when a network is in use.
const inUseStatus = 2

// Run removes the networks and prints their names.
func (c *NetworkRmCmd) Run(ctx context.Context) (int, error) {
	containers, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	all := containers.Networks()
	var errs []error
	code := 1 // podman's, as for a volume
	for _, name := range c.Names {
		err := all.Remove(ctx, name, c.Force, seconds(&c.Time), func(container string) {
			fmt.Fprintf(os.Stderr, "coracle: removed container %s, which used the network %s\n", container, name)
		})
		switch {
		case err == nil:
			fmt.Println(name)
		case c.Force && errors.Is(err, networks.ErrNoNetwork):
		default:
			if errors.Is(err, networks.ErrNetworkInUse) {
				code = inUseStatus
			}
			errs = append(errs, nearNetwork(err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return code, err
	}
	return 0, nil
}

// NetworkPruneCmd is `coracle network prune`.
type NetworkPruneCmd struct {
	Force  bool     `short:"f" help:"Do not ask."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only what fits: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]."`
}

// Run removes the networks that no container uses, and prints their names.
func (c *NetworkPruneCmd) Run(ctx context.Context) (int, error) {
	containers, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	for _, f := range c.Filter {
		if key, _, _ := strings.Cut(f, "="); key != "until" && key != "label" && key != "label!" {
			return launcher.ExitFailed, fmt.Errorf("invalid --filter %q: until, label and label! are possible", key)
		}
	}
	fits, err := networkFilter(c.Filter, time.Now(), nil)
	if err != nil {
		return launcher.ExitFailed, err
	}
	if !c.Force {
		if yes, err := confirm("WARNING! This removes all networks that no container uses."); err != nil || !yes {
			return status([]error{err})
		}
	}
	all := containers.Networks()
	err = all.Prune(fits, func(name string) { fmt.Println(name) })
	all.TellPrune()
	return status([]error{err})
}

// NetworkExistsCmd is `coracle network exists`.
type NetworkExistsCmd struct {
	Name string `arg:"" name:"network" help:"Name or id."`
}

// Run tells by the exit status: 0 yes, 1 no.
func (c *NetworkExistsCmd) Run(ctx context.Context) (int, error) {
	containers, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	switch _, err := containers.Networks().Find(c.Name); {
	case errors.Is(err, networks.ErrNoNetwork):
		return 1, nil
	case err != nil && !errors.Is(err, networks.ErrDamaged):
		return launcher.ExitFailed, err
	}
	return 0, nil
}

// nearNetwork adds to the error of a name that no network has which one was perhaps
// meant, or which of the other words.
func nearNetwork(err error, others ...string) error {
	var missing *networks.NotFound
	if !errors.As(err, &missing) {
		return err
	}
	near := nearest(missing.Name, append(missing.Names, others...))
	if near == "" {
		return err
	}
	text, fix, _ := strings.Cut(err.Error(), "\n  fix: ")
	return fmt.Errorf("%s, did you mean %q?\n  fix: coracle network ls, or %s", text, near, fix)
}
