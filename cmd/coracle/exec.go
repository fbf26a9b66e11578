package main

import (
	"context"
	"errors"

	"coracle/launcher"
	"coracle/launcher/intent"
)

// ExecCmd is `coracle exec`.
type ExecCmd struct {
	intent.ExecOptions
}

// Run executes the command and returns its exit status.
func (c *ExecCmd) Run(ctx context.Context) (int, error) {
	args := c.Argv
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) < 2 {
		return launcher.ExitFailed, errors.New("a container and a command are needed\n  fix: coracle exec CONTAINER COMMAND")
	}
	return launcher.Exec(ctx, args[0], args[1:], &c.ExecOptions)
}
