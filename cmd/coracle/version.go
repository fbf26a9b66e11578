package main

import (
	"context"
	"fmt"
	"runtime"

	"coracle/launcher"
)

// VersionCmd prints the version.
type VersionCmd struct{}

// Run prints.
func (*VersionCmd) Run(context.Context) (int, error) {
	fmt.Printf("coracle version %s %s/%s\n", launcher.Version(), runtime.GOOS, runtime.GOARCH)
	return 0, nil
}
