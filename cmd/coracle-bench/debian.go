package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// debianSuite is the release whose root file system is the image; debianSteps
// are the packages of each layer above the first.
const debianSuite = "bookworm"

func debianSteps() []string {
	return []string{"python3 perl", "git openssh-client", "vim locales"}
}

// snapshotCommand makes a tar of the root file system mounted at $1, without
// what is mounted there and what only apt needs.
const snapshotCommand = `tar -C "$1" --one-file-system --numeric-owner --xattrs --sort=name ` +
	`--exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' --exclude='./tmp/*' --exclude='./run/*' ` +
	`--exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' -cf`

// debianImage makes an image of a Debian root file system with several layers,
// or takes the one made before, and returns its OCI layout. It takes some minutes
// and a Debian mirror, apt's own, so it is kept in the user's cache.
func debianImage(ctx context.Context) (layout string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	steps := strings.Join(append([]string{debianSuite, snapshotCommand}, debianSteps()...), "\n")
	layout = filepath.Join(cache, "coracle-bench", fmt.Sprintf("debian-%.12x", sha256.Sum256([]byte(steps))))
	if _, err := os.Stat(filepath.Join(layout, imgspec.ImageIndexFile)); err == nil {
		return layout, nil
	}
	if err := os.MkdirAll(layout, 0o755); err != nil {
		return "", err
	}
	progress("making a Debian image in %s, once", layout)
	tars, err := bootstrap(ctx, layout)
	defer func() {
		for _, path := range tars {
			os.Remove(path)
		}
	}()
	if err != nil {
		return "", err
	}
	return layout, stackLayers(layout, tars)
}

// bootstrap makes a tar of the root file system after each step.
func bootstrap(ctx context.Context, dir string) (tars []string, err error) {
	args := []string{"--quiet", "--variant=important", "--format=null"}
	hook := func(i int) {
		tars = append(tars, filepath.Join(dir, fmt.Sprintf("step%d.tar", i)))
		args = append(args, fmt.Sprintf("--customize-hook=%s '%s' .", snapshotCommand, tars[i]))
	}
	hook(0)
	for i, packages := range debianSteps() {
		args = append(args, `--customize-hook=chroot "$1" apt-get -qq install -y --no-install-recommends `+packages+` >&2`)
		hook(i + 1)
	}
	program, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return nil, fmt.Errorf("cannot make the image: %w\n  fix: sudo apt-get install mmdebstrap", err)
	}
	cmd := exec.CommandContext(ctx, program, append(args, debianSuite, "null")...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		return tars, fmt.Errorf("mmdebstrap: %w: %s", err, lastLines(string(out), 3))
	}
	return tars, nil
}

// stackLayers makes an image of what each tar adds to the one before.
func stackLayers(dir string, tars []string) error {
	before := snapshot{}
	var layers []imgspec.Descriptor
	var diffs []digest.Digest
	for _, path := range tars {
		after, err := withFile(path, readSnapshot)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		_, err = withFile(path, func(in io.Reader) (struct{}, error) {
			layer, diff, err := putLayer(dir, in, before, after)
			layers, diffs = append(layers, layer), append(diffs, diff)
			return struct{}{}, err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		before = after
	}
	return putImages(dir, layers, diffs)
}

func withFile[T any](path string, f func(io.Reader) (T, error)) (T, error) {
	in, err := os.Open(path)
	if err != nil {
		var none T
		return none, err
	}
	defer in.Close()
	return f(in)
}

// putLayer writes one gzipped layer.
func putLayer(dir string, in io.Reader, before, after snapshot) (d imgspec.Descriptor, diff digest.Digest, err error) {
	f, err := os.CreateTemp(dir, "layer")
	if err != nil {
		return d, "", err
	}
	defer f.Close()
	blob, plain := digest.SHA256.Digester(), digest.SHA256.Digester()
	z := gzip.NewWriter(io.MultiWriter(f, blob.Hash()))
	if err := errors.Join(writeLayer(io.MultiWriter(z, plain.Hash()), in, before, after), z.Close(), f.Chmod(0o644)); err != nil {
		return d, "", err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return d, "", err
	}
	d = imgspec.Descriptor{MediaType: imgspec.MediaTypeImageLayerGzip, Digest: blob.Digest(), Size: size}
	path := blobPath(dir, d.Digest)
	return d, plain.Digest(), errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Rename(f.Name(), path))
}

// Names of the images in the layout, and in the registry.
const (
	wholeImage   = "whole"   // all layers
	siblingImage = "sibling" // the same layers with another configuration
	firstImage   = "first"   // the first layer alone
)

// putImages writes the images of the benchmark, and index.json last: it says
// that all is there.
func putImages(dir string, layers []imgspec.Descriptor, diffs []digest.Digest) error {
	index := imgspec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex}
	for _, image := range []struct {
		name string
		n    int
	}{{wholeImage, len(layers)}, {siblingImage, len(layers)}, {firstImage, 1}} {
		var history []imgspec.History
		for i := range image.n {
			history = append(history, imgspec.History{CreatedBy: fmt.Sprintf("coracle-bench, layer %d", i+1)})
		}
		config, err := putObject(dir, imgspec.MediaTypeImageConfig, imgspec.Image{
			Platform: imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH},
			Config:   imgspec.ImageConfig{Env: []string{"PATH=" + searchPath, "IMAGE=" + image.name}, Cmd: []string{"bash"}},
			RootFS:   imgspec.RootFS{Type: "layers", DiffIDs: diffs[:image.n]}, History: history,
		})
		if err != nil {
			return err
		}
		m, err := putObject(dir, imgspec.MediaTypeImageManifest, imgspec.Manifest{
			Versioned: index.Versioned, MediaType: imgspec.MediaTypeImageManifest, Config: config, Layers: layers[:image.n],
		})
		if err != nil {
			return err
		}
		m.Annotations = map[string]string{imgspec.AnnotationRefName: image.name}
		index.Manifests = append(index.Manifests, m)
	}
	return errors.Join(
		writeJSON(filepath.Join(dir, imgspec.ImageLayoutFile), imgspec.ImageLayout{Version: imgspec.ImageLayoutVersion}),
		writeJSON(filepath.Join(dir, imgspec.ImageIndexFile), index),
	)
}
