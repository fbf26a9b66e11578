package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"coracle/storage/engine/baseimage"
)

// imageName is what every program that knows images runs.
const imageName = "localhost/coracle-bench:latest"

// makeLayout makes an OCI image layout of one image in dir, and says what the
// image is. It is coracle's own base image if this program was built with it.
func makeLayout(dir string) (what string, err error) {
	base, err := baseimage.Open()
	if err == nil {
		defer base.Close()
		if err = unpackLayout(dir, base); err == nil {
			return "coracle/base", renameImage(dir, imageName)
		}
		err = fmt.Errorf("the built-in base image: %w", err)
	}
	busybox, missing := findBusybox()
	if missing != nil {
		return "", errors.Join(err, missing)
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return "static busybox", busyboxLayout(dir, busybox)
}

// unpackLayout unpacks an OCI archive.
func unpackLayout(dir string, archive io.Reader) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return applyTar(root, tar.NewReader(archive))
}

// renameImage leaves one image in a layout, that of this machine, and names it.
func renameImage(dir, name string) error {
	var index imgspec.Index
	if err := readJSON(filepath.Join(dir, imgspec.ImageIndexFile), &index); err != nil {
		return err
	}
	for _, m := range index.Manifests {
		if m.MediaType == imgspec.MediaTypeImageManifest && (m.Platform == nil || m.Platform.Architecture == runtime.GOARCH) {
			m.Annotations = map[string]string{imgspec.AnnotationRefName: name}
			index.Manifests = []imgspec.Descriptor{m}
			return writeJSON(filepath.Join(dir, imgspec.ImageIndexFile), index)
		}
	}
	return fmt.Errorf("%s has no image for %s", dir, runtime.GOARCH)
}

// unpackImage unpacks the one image of a layout, a root file system, into root.
func unpackImage(layout, root string) error {
	var index imgspec.Index
	if err := readJSON(filepath.Join(layout, imgspec.ImageIndexFile), &index); err != nil {
		return err
	}
	if len(index.Manifests) != 1 {
		return fmt.Errorf("%s has %d images, want one", layout, len(index.Manifests))
	}
	var manifest imgspec.Manifest
	if err := readJSON(blobPath(layout, index.Manifests[0].Digest), &manifest); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, layer := range manifest.Layers {
		if err := unpackLayer(r, blobPath(layout, layer.Digest), layer.MediaType); err != nil {
			return fmt.Errorf("layer %s: %w", layer.Digest, err)
		}
	}
	// Every container program mounts here.
	for _, dir := range []string{"proc", "sys", "dev", "tmp", "run", "etc"} {
		if err := r.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func blobPath(layout string, d digest.Digest) string {
	return filepath.Join(layout, imgspec.ImageBlobsDir, strings.ReplaceAll(d.String(), ":", "/"))
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, from any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
