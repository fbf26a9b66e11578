package main

import (
	"context"

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
	name, err := chosenOne(all, c.Name, c.Latest)
	if err != nil {
		return launcher.ExitFailed, err
	}
	return all.Attach(ctx, launcher.Attach{Name: name, NoStdin: c.NoStdin, SigProxy: c.SigProxy, DetachKeys: c.DetachKeys})
}
