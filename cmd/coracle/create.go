package main

import (
	"context"
	"fmt"
	"os"

	"coracle/launcher"
	"coracle/launcher/intent"
)

// CreateCmd is `coracle create`.
type CreateCmd struct {
	intent.Options
}

// Run makes the container and prints its id.
func (c *CreateCmd) Run(ctx context.Context) (int, error) {
	id, err := launcher.Create(ctx, &c.Options, os.Stderr)
	if err != nil {
		return launcher.ExitFailed, err
	}
	fmt.Println(id)
	return 0, nil
}
