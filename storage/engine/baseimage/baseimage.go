// Package baseimage carries the built-in image: an OCI archive of a small
// system that "coracle run" uses when no image is named. The archive is made by
// "make build" as files/base.oci.tar and is not in the repository.
package baseimage

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// files holds base.oci.tar or, in a build without it, only its README: the
// pattern must match something.
//
//go:embed files
var files embed.FS

// ErrMissing means that the program was built without the image.
var ErrMissing = errors.New("this program was built without the base image\n  fix: make build")

// Open returns the archive.
func Open() (fs.File, error) {
	f, err := files.Open("files/base.oci.tar")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the built-in base image: %w", err)
	}
	return f, nil
}
