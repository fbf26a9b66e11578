//go:build containers_image_openpgp

package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/directory"
	dockerarchive "go.podman.io/image/v5/docker/archive"
	ociarchive "go.podman.io/image/v5/oci/archive"
	"go.podman.io/image/v5/oci/layout"
	"go.podman.io/image/v5/types"
)

// An Image is one of an archive.
type Image struct {
	// Names that the archive gives it, as they are there.
	Names []string
	// Ref reads it, while the archive is open.
	Ref types.ImageReference
	// Digest of its manifest, if the archive says it.
	Digest digest.Digest
}

// An Archive is an open file or directory of images.
type Archive struct {
	// Kind is the transport that would read it: docker-archive, oci-archive, oci or
	// dir.
	Kind   string
	Images []Image
	closer io.Closer
}

// Close ends the use of the images' references.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

// Open opens a directory or a tar that is not compressed (see [Plain]). path is
// what it is called in messages and to a signature policy. The archive has f from
// then on, also when there is an error. Errors: ErrArchive.
func Open(f *os.File, path string) (*Archive, error) {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if abs, err := filepath.Abs(path); err == nil && path != "" {
		path = abs
	}
	if info.IsDir() {
		f.Close()
		return openDir(f.Name(), path)
	}
	x, err := readIndex(f, info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	a := &Archive{closer: f}
	_, isDocker := x.members["manifest.json"]
	_, isOCI := x.members["index.json"]
	switch {
	case isDocker: // docker since version 25 writes an OCI layout beside it
		a.Kind = "docker-archive"
		a.Images, err = dockerImages(x, place{dockerarchive.Transport, path})
	case isOCI:
		a.Kind = "oci-archive"
		a.Images, err = ociImages(x, place{ociarchive.Transport, path})
	case len(x.members) == 0:
		err = bad("it is empty")
	default:
		err = bad("it has neither manifest.json nor index.json, so it holds no images\n  fix: for a tar of a root file system: coracle import")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	for i := range a.Images {
		a.Images[i].Names = tagsOf(a.Images[i].Names)
	}
	return a, nil
}

func openDir(dir, path string) (*Archive, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	a := &Archive{closer: root}
	if _, err = root.Stat("index.json"); err == nil {
		a.Kind = "oci"
		a.Images, err = ociImages(dirTree{root}, place{layout.Transport, path})
	} else if _, merr := root.Stat("manifest.json"); merr == nil {
		a.Kind = "dir"
		var ref types.ImageReference
		ref, err = directory.NewReference(dir)
		a.Images = []Image{{Ref: ref}}
	} else if errors.Is(err, os.ErrNotExist) {
		err = bad("the directory has neither index.json nor manifest.json, so it holds no image")
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range a.Images {
		a.Images[i].Names = tagsOf(a.Images[i].Names)
	}
	return a, nil
}
