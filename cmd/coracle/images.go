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
// whether it did. Measured with 1,000 images on two cores: 8 ms, against 30 for the
// engine with the same catalog and 90 for reading the store. Nearly all of the
// engine's 30 is entering the base user namespace and starting a program of 20 MB.
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
