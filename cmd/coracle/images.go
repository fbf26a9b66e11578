package main

import (
	"os"
	"time"

	"coracle/cmd/internal/imagelist"
	"coracle/storage"
	"coracle/storage/record"
)

// images prints the list of images from the catalog that the engine left, if it
// is asked for in one of the usual forms and the catalog still holds; done tells
// whether it did. Measured with 1,000 images on two cores: 10 ms, against 40 for the
// engine with the same catalog and 90 for reading the store.
//
// Of the engine's 40, entering the base user namespace takes 5, copying the engine
// to sealed memory 10, starting it 7. Keeping it as a file would spare the copy, but
// a container that has the user's run-time or home directory mounted (toolbox,
// distrobox) could then change what the next command executes on the host.
func images(args []string) (done bool, err error) {
	o, ok := imagelist.Plain(args)
	if !ok || os.Getenv("CORACLE_UNSHARE") != "" { // there the user's id is 0
		return false, nil
	}
	paths, err := storage.FindPaths(os.Geteuid(), os.Getenv)
	if err != nil {
		return false, nil //nolint:nilerr // the engine's caller says it better
	}
	catalog, err := record.LoadCatalog(record.CatalogPath(paths.Data, os.Geteuid(), os.Getenv))
	if err != nil || catalog.Stale() != "" {
		return false, nil //nolint:nilerr // the engine makes another
	}
	o.Now = time.Now()
	rows, err := o.Rows(catalog.Images)
	if err != nil {
		return false, err
	}
	return true, o.Print(os.Stdout, rows)
}
