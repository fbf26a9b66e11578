//go:build !containers_image_openpgp

package main

import (
	"os"

	"coracle/storage/engine"
)

func main() { os.Exit(engine.Main()) }
