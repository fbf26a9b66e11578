package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"coracle/cmd/internal/verbs"
	"coracle/launcher"
	"coracle/storage"
)

// container finds what `coracle container NAME` is another name of; not ok for
// what the engine does.
func container(args []string) (v ownVerb, ok bool) {
	if len(args) < 2 || args[0] != "container" {
		return v, false
	}
	name := args[1]
	switch name {
	case "ls", "list":
		name = "ps"
	case "inspect":
		return ownVerb{"container inspect", "Show everything about containers.", func() verb { return &ContainerInspectCmd{} }}, true
	}
	for _, v := range own {
		if v.name == name && slices.Contains(aboutContainers(), name) || v.name == "container "+name {
			return v, true
		}
	}
	return v, false
}

// aboutContainers are the commands that may be called with the word container in
// front.
func aboutContainers() []string {
	return []string{"run", "create", "start", "stop", "restart", "kill", "ps", "attach", "logs", "wait", "exec", "rm", "rename", "top", "pause", "unpause", "stats", "port"}
}

// containerUsage lists what the engine does not do.
func containerUsage(w io.Writer) {
	for _, v := range own {
		name, grouped := strings.CutPrefix(v.name, "container ")
		if grouped || slices.Contains(aboutContainers(), name) {
			fmt.Fprintf(w, "  %-23s %s\n", "container "+name, v.help)
		}
	}
	fmt.Fprintf(w, "  %-23s %s\n", "container inspect", "Show everything about containers.")
	for _, v := range verbs.Group(verbs.Store(), "container") {
		if is, _, ok := verbs.Find(verbs.Store(), []string{v.Is}); ok && strings.HasSuffix(v.Path, " "+v.Is) {
			fmt.Fprintf(w, "  %-23s %s\n", v.Path, is.Help)
		}
	}
}

// ContainerInspectCmd is `coracle container inspect`.
type ContainerInspectCmd struct {
	Names      []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	Format     string   `short:"f" placeholder:"TEMPLATE|json" help:"Print in another form."`
	Latest     bool     `short:"l" help:"The container made last."`
	Size       bool     `short:"s" help:"Show how much they take on disk."`
	Namespaces bool     `help:"Show their namespaces."`
}

// Run shows everything about the containers.
func (c *ContainerInspectCmd) Run(ctx context.Context) (int, error) {
	return (&InspectCmd{Names: c.Names, Type: "container", Format: c.Format, Latest: c.Latest, Size: c.Size, Namespaces: c.Namespaces}).Run(ctx)
}

// ContainerExistsCmd is `coracle container exists`.
type ContainerExistsCmd struct {
	Name     string `arg:"" name:"container" help:"Name or id."`
	External bool   `help:"Containers of other programs count, too: none can be seen."`
}

// Run tells by the exit status: 0 yes, 1 no.
func (c *ContainerExistsCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	switch _, err := all.Find(c.Name); {
	case errors.Is(err, storage.ErrNoContainer):
		return 1, nil
	case err != nil:
		return launcher.ExitFailed, err
	}
	return 0, nil
}
