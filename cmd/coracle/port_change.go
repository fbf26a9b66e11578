package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/launcher"
)

// PortAddCmd is `coracle port add`.
type PortAddCmd struct {
	portChange `embed:""`
}

// PortRemoveCmd is `coracle port remove`.
type PortRemoveCmd struct {
	portChange `embed:""`
}

// portChange are the arguments of both.
type portChange struct {
	Name  string   `arg:"" optional:"" name:"container" help:"Name or id."`
	Ports []string `arg:"" optional:"" name:"port" help:"[[IP:]HOST:]CTR[/udp], as with run -p; ranges, too."`
}

// Run publishes ports of a running container and prints where they are.
func (c *PortAddCmd) Run(ctx context.Context) (int, error) {
	return c.each(ctx, "add", (*launcher.Containers).AddPort)
}

// Run takes published ports back and prints where they were.
func (c *PortRemoveCmd) Run(ctx context.Context) (int, error) {
	return c.each(ctx, "remove", (*launcher.Containers).RemovePort)
}

func (c *portChange) each(ctx context.Context, verb string, change func(*launcher.Containers, string, string) ([]launcher.Port, error)) (int, error) {
	if c.Name == "" { // a container may have that name
		return (&PortCmd{Name: verb}).Run(ctx)
	}
	if len(c.Ports) == 0 {
		return launcher.ExitFailed, fmt.Errorf("no port given\n  fix: coracle port %s %s 8080:80", verb, c.Name)
	}
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	var errs []error
	for _, port := range c.Ports {
		list, err := change(all, c.Name, port)
		for _, p := range list {
			fmt.Printf("%s -> %s\n", p.Container(), p.Host())
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return launcher.ExitFailed, err
	}
	return 0, nil
}
