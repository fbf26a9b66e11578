package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/storage"
)

// InspectCmd is `coracle inspect`.
type InspectCmd struct {
	Names      []string `arg:"" optional:"" name:"name" help:"Containers, images or volumes."`
	Type       string   `short:"t" default:"all" placeholder:"all|container|image|volume" help:"What to look for."`
	Format     string   `short:"f" placeholder:"TEMPLATE|json" help:"Print in another form."`
	Latest     bool     `short:"l" help:"The container made last."`
	Namespaces bool     `help:"Show a container's namespaces."`
}

// Run shows everything about what the names name.
func (c *InspectCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	switch c.Type {
	case "all", "container":
	case "image", "volume":
		return c.store(ctx, c.Type, c.Names)
	default:
		return launcher.ExitFailed, fmt.Errorf("invalid --type %q: all, container, image and volume are possible", c.Type)
	}
	names, err := chosen(all, c.Names, false, c.Latest)
	if err != nil {
		return launcher.ExitFailed, err
	}
	var found []any
	var errs []error
	var others []string
	for _, name := range names {
		x, err := all.Find(name)
		if c.Type == "all" && errors.Is(err, storage.ErrNoContainer) {
			others = append(others, name)
			continue
		}
		var i *inspected
		if err == nil {
			i, err = inspectContainer(all, x)
		}
		if err == nil && c.Namespaces {
			i.Namespaces, err = inspectNamespaces(all, x)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, i)
	}
	if len(others) > 0 && len(found) == 0 && len(errs) == 0 {
		return c.elsewhere(ctx, all, others)
	}
	for _, name := range others {
		errs = append(errs, fmt.Errorf("no such container: %q\n  fix: ask for images and volumes in a command of their own, with --type", name))
	}
	if len(found) > 0 || c.Format == "" {
		if err := format.Inspect(os.Stdout, c.Format, found); err != nil {
			return launcher.ExitFailed, err
		}
	}
	return status(errs)
}

// elsewhere asks for what is no container: a volume if there is one of the first
// name, else an image.
func (c *InspectCmd) elsewhere(ctx context.Context, all *launcher.Containers, names []string) (int, error) {
	if all.VolumePath(names[0]) != "" {
		return c.store(ctx, "volume", names)
	}
	return c.store(ctx, "image", names)
}

// store hands the question to the engine.
func (c *InspectCmd) store(ctx context.Context, noun string, names []string) (int, error) {
	args := []string{noun, "inspect"}
	if c.Format != "" {
		args = append(args, "--format="+c.Format)
	}
	return launcher.StoreCommand(ctx, append(append(args, "--"), names...))
}
