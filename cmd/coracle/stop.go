package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"coracle/launcher"
	"coracle/storage"
)

// selection is how commands name containers.
type selection struct {
	Names  []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	All    bool     `short:"a" help:"All containers."`
	Latest bool     `short:"l" help:"The container made last."`
	Ignore bool     `short:"i" help:"Unknown containers are no error."`
	// Cidfile is podman's. Filter is of those verbs that have it there.
	Cidfile []string `sep:"none" placeholder:"FILE" help:"The container whose id a file holds."`
}

// each does something to every container chosen and prints its name. It goes on
// after an error.
func (s *selection) each(ctx context.Context, do func(all *launcher.Containers, name string) error) (int, error) {
	return s.filtered(ctx, nil, false, do)
}

// filtered is each, also for those that fit filters, or that run.
func (s *selection) filtered(ctx context.Context, filter []string, running bool, do func(all *launcher.Containers, name string) error) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	names, err := choice{Names: s.Names, All: s.All, Latest: s.Latest, Running: running, Filter: filter, Cidfile: s.Cidfile, Ignore: s.Ignore}.names(all)
	if err != nil {
		return launcher.ExitFailed, err
	}
	var errs []error
	for _, name := range names {
		err := do(all, name)
		if errors.Is(err, storage.ErrNoContainer) && (s.Ignore || s.All || running || len(filter) > 0) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Println(name)
	}
	return status(errs)
}

// StopCmd is `coracle stop`.
type StopCmd struct {
	selection
	Filter []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Those that fit, as with ps."`
	Time   *int     `short:"t" aliases:"timeout" placeholder:"SECONDS" help:"Time to stop before it is killed, -1 for ever."`
}

// Run stops the containers.
func (c *StopCmd) Run(ctx context.Context) (int, error) {
	return c.filtered(ctx, c.Filter, false, func(all *launcher.Containers, name string) error { return all.Stop(ctx, name, seconds(c.Time)) })
}

func seconds(n *int) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// RestartCmd is `coracle restart`.
type RestartCmd struct {
	selection
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Those that fit, as with ps."`
	Running bool     `help:"All that run."`
	Time    *int     `short:"t" aliases:"timeout" placeholder:"SECONDS" help:"Time to stop before it is killed, -1 for ever."`
}

// Run stops and starts the containers.
func (c *RestartCmd) Run(ctx context.Context) (int, error) {
	return c.filtered(ctx, c.Filter, c.Running, func(all *launcher.Containers, name string) error {
		if err := all.Stop(ctx, name, seconds(c.Time)); err != nil {
			return err
		}
		_, err := launcher.Start{Name: name}.Start(ctx, os.Stderr)
		return err
	})
}
