package main

import (
	"context"
	"fmt"
	"slices"

	"coracle/launcher"
)

// beforeReset removes the containers for `coracle system reset --force`: the image
// engine, which does the rest, may not kill what runs in other namespaces.
func beforeReset(args []string) error {
	if len(args) < 3 || args[0] != "system" || args[1] != "reset" || slices.Contains(args, "--help") {
		return nil
	}
	if !slices.Contains(args, "--force") && !slices.Contains(args, "-f") {
		return nil
	}
	err := launcher.Remove(context.Background(), launcher.Removal{All: true, Force: true, Ignore: true}, func(string) {})
	if err != nil {
		return fmt.Errorf("cannot remove all containers: %w", err)
	}
	return nil
}
