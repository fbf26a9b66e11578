package main

import (
	"context"
	"errors"

	"coracle/launcher"
)

// AttachCmd is `coracle attach`.
type AttachCmd struct {
	Name       string  `arg:"" optional:"" name:"container" help:"Name or id."`
	NoStdin    bool    `help:"Do not give it standard input."`
	SigProxy   bool    `default:"true" negatable:"" help:"Pass signals on."`
	DetachKeys *string `placeholder:"KEYS" help:"Keys that detach, \"\" for none."`
	Latest     bool    `short:"l" help:"The container made last."`
}

// Run attaches until the container ends, and returns its exit status.
func (c *AttachCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	var names []string
	if c.Name != "" {
		names = []string{c.Name}
	}
	if names, err = chosen(all, names, false, c.Latest); err != nil {
		return launcher.ExitFailed, err
	}
	status, err := all.Attach(ctx, launcher.Attach{Name: names[0], NoStdin: c.NoStdin, SigProxy: c.SigProxy, DetachKeys: c.DetachKeys})
	var ce *launcher.CommandError
	if errors.As(err, &ce) {
		return ce.Code, err
	}
	return status, err
}
