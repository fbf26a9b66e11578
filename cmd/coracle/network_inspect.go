package main

import (
	"context"
	"os"

	"coracle/cmd/internal/format"
	"coracle/launcher"
)

// NetworkInspectCmd is `coracle network inspect`.
type NetworkInspectCmd struct {
	Names   []string `arg:"" name:"network" help:"Names or ids."`
	Format  string   `short:"f" placeholder:"TEMPLATE|json" help:"Print in another form."`
	Verbose bool     `short:"v" hidden:""`
}

// Run shows everything about the networks. What is there is printed when others are
// not, as docker and podman do.
func (c *NetworkInspectCmd) Run(ctx context.Context) (int, error) {
	containers, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	found, errs := inspectNetworks(containers.Networks(), c.Names)
	if len(found) > 0 || c.Format == "" {
		if err := format.Inspect(os.Stdout, c.Format, found); err != nil {
			return launcher.ExitFailed, err
		}
	}
	return status(errs)
}

func inspectNetworks(all *launcher.Networks, names []string) (found []any, errs []error) {
	found = []any{}
	for _, name := range names {
		n, err := all.Find(name)
		if err != nil {
			errs = append(errs, nearNetwork(err))
			continue
		}
		members, err := all.Members(n.Name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		row := newNetworkRow(n)
		row.add(n, members)
		found = append(found, row)
	}
	return found, errs
}

// network is a network that is named among other things: it comes after containers,
// volumes and images.
func (j *inspection) network(ctx context.Context, name string) (any, bool) {
	networks := j.all.Networks()
	if _, err := networks.Find(name); err != nil || j.all.VolumePath(name) != "" {
		return nil, false
	}
	if _, status, err := launcher.StoreOutput(ctx, []string{"image", "exists", "--", name}); err != nil || status == 0 {
		return nil, false
	}
	found, _ := inspectNetworks(networks, []string{name})
	if len(found) == 0 { // it went meanwhile
		return nil, false
	}
	return found[0], true
}
