package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/storage"
)

// InspectCmd is `coracle inspect`.
type InspectCmd struct {
	Names      []string `arg:"" optional:"" name:"name" help:"Containers, images, volumes or networks."`
	Type       string   `short:"t" default:"all" placeholder:"all|container|image|volume|network" help:"What to look for."`
	Format     string   `short:"f" placeholder:"TEMPLATE|json" help:"Print in another form."`
	Latest     bool     `short:"l" help:"The container made last."`
	Size       bool     `short:"s" help:"Show how much a container takes on disk."`
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
	case "network":
		if len(c.Names) == 0 {
			return launcher.ExitFailed, errors.New("no network named\n  fix: coracle network ls")
		}
		return (&NetworkInspectCmd{Names: c.Names, Format: c.Format}).Run(ctx)
	default:
		return launcher.ExitFailed, fmt.Errorf("invalid --type %q: all, container, image, volume and network are possible", c.Type)
	}
	names, err := chosen(all, c.Names, false, c.Latest)
	if err != nil {
		return launcher.ExitFailed, err
	}
	j := &inspection{InspectCmd: c, all: all, found: make([]any, len(names))}
	var others []int
	for n, name := range names {
		x, err := all.Find(name)
		if c.Type == "all" && errors.Is(err, storage.ErrNoContainer) {
			if found, ok := j.network(ctx, name); ok {
				j.found[n] = found
			} else {
				others = append(others, n)
			}
			continue
		}
		if err == nil {
			j.found[n], err = j.container(ctx, x)
		}
		j.failed(err)
	}
	if len(others) == len(names) && len(names) > 0 && j.sameKind(names) {
		return j.elsewhere(ctx, names)
	}
	j.join(ctx, names, others)
	found := slices.DeleteFunc(j.found, func(v any) bool { return v == nil })
	if len(found) > 0 || c.Format == "" {
		if err := format.Inspect(os.Stdout, c.Format, found); err != nil {
			return launcher.ExitFailed, err
		}
	}
	return status(j.errs)
}

// inspection is what is found, in the order of the names.
type inspection struct {
	*InspectCmd
	all   *launcher.Containers
	found []any
	errs  []error
}

func (j *inspection) failed(err error) {
	if err != nil {
		j.errs = append(j.errs, err)
	}
}

func (j *inspection) container(ctx context.Context, x *containers.Container) (any, error) {
	i, err := inspectContainer(j.all, x)
	if err != nil {
		return nil, err
	}
	if j.Namespaces {
		if i.Namespaces, err = inspectNamespaces(j.all, x); err != nil {
			return nil, err
		}
	}
	if j.Size {
		sizes, err := j.all.Sizes(ctx, []*containers.Container{x})
		if err != nil {
			return nil, err
		}
		rw := sizes[x.ID]
		root := rw + imageSize(x)
		i.SizeRw, i.SizeRootFs = &rw, &root
	}
	return i, nil
}

// sameKind tells that the names are all of volumes, or none is.
func (j *inspection) sameKind(names []string) bool {
	for _, name := range names {
		if (j.all.VolumePath(name) == "") != (j.all.VolumePath(names[0]) == "") {
			return false
		}
	}
	return true
}

// join asks the engine for images and volumes, as JSON, where containers stand
// beside them. A template sees what JSON has.
func (j *inspection) join(ctx context.Context, names []string, others []int) {
	for _, n := range others {
		noun := "image"
		if j.all.VolumePath(names[n]) != "" {
			noun = "volume"
		}
		data, status, err := launcher.StoreOutput(ctx, []string{noun, "inspect", "--", names[n]})
		var list []any
		if err == nil && status == 0 {
			err = json.Unmarshal(data, &list)
		}
		switch {
		case err != nil:
			j.failed(fmt.Errorf("cannot inspect %s %q: %w", noun, names[n], err))
		case status != 0 || len(list) != 1: // it has said why
			j.failed(fmt.Errorf("no such object: %q", names[n]))
		default:
			j.found[n] = list[0]
		}
	}
}

// elsewhere asks for what is no container.
func (j *inspection) elsewhere(ctx context.Context, names []string) (int, error) {
	if j.all.VolumePath(names[0]) != "" {
		return j.store(ctx, "volume", names)
	}
	return j.store(ctx, "image", names, "--object")
}

// store hands the question to the engine.
func (c *InspectCmd) store(ctx context.Context, noun string, names []string, flags ...string) (int, error) {
	args := append([]string{noun, "inspect"}, flags...)
	if c.Format != "" {
		args = append(args, "--format="+c.Format)
	}
	return launcher.StoreCommand(ctx, append(append(args, "--"), names...))
}
