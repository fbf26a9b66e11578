package main

import (
	"context"
	"os"

	"coracle/launcher"
	"coracle/launcher/intent"
)

// RunCmd is `coracle run`.
type RunCmd struct {
	intent.Options
}

// Run launches the container and returns its exit status.
func (c *RunCmd) Run(ctx context.Context) (int, error) {
	if c.Explain {
		return 0, launcher.Explain(ctx, &c.Options, os.Stdout)
	}
	return launcher.Run(ctx, &c.Options, os.Stdout, os.Stderr)
}
