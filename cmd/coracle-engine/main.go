// Command coracle-engine opens the image store for coracle: it finds, pulls and
// imports images. It is not for people to start: coracle carries it and runs it
// in the user's base user namespace. Its protocol is in package storage/engine.
package main

import (
	"os"

	"coracle/storage/engine"
)

func main() { os.Exit(engine.Main()) }
