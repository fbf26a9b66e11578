package storage

import (
	"os"

	"coracle/storage/internal/bundle"
)

// Engine opens the image engine, the program behind every change of the image
// store, as a sealed file in memory. Its protocol is in package record. The
// error is [ErrNotBuilt] when this program was built without it.
func Engine() (*os.File, error) { return bundle.Open(bundle.Engine) }

// Init opens the small pid 1 of --init in the same way.
func Init() (*os.File, error) { return bundle.Open(bundle.Init) }

// ErrNotBuilt says that this program was built without another that it carries.
var ErrNotBuilt = bundle.ErrNotBuilt
