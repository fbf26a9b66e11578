package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

var errNoBusybox = errors.New("nothing to make an image of: coracle-bench was built without the base image, and there is no static busybox" +
	"\n  fix: make build   or: sudo apt-get install busybox-static")

// findBusybox finds a busybox that needs no other file.
func findBusybox() (string, error) {
	found, _ := exec.LookPath("busybox")
	for _, path := range []string{found, "/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"} {
		if path != "" && isStatic(path) {
			return path, nil
		}
	}
	return "", errNoBusybox
}

// isStatic tells whether a program asks for no interpreter, ld.so.
func isStatic(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

// busyboxLayout makes a layout of one image with one layer.
func busyboxLayout(dir, busybox string) error {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	layer, err := busyboxLayer(program)
	if err != nil {
		return err
	}
	layerBlob, err := putBlob(dir, imgspec.MediaTypeImageLayer, layer)
	if err != nil {
		return err
	}
	config, err := putObject(dir, imgspec.MediaTypeImageConfig, imgspec.Image{
		Platform: imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   imgspec.ImageConfig{Env: []string{"PATH=/bin"}, Cmd: []string{"sh"}},
		RootFS:   imgspec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layerBlob.Digest}},
	})
	if err != nil {
		return err
	}
	version := specs.Versioned{SchemaVersion: 2}
	manifest, err := putObject(dir, imgspec.MediaTypeImageManifest, imgspec.Manifest{
		Versioned: version, MediaType: imgspec.MediaTypeImageManifest, Config: config, Layers: []imgspec.Descriptor{layerBlob},
	})
	if err != nil {
		return err
	}
	manifest.Annotations = map[string]string{imgspec.AnnotationRefName: imageName}
	return errors.Join(
		writeJSON(filepath.Join(dir, imgspec.ImageIndexFile), imgspec.Index{Versioned: version, Manifests: []imgspec.Descriptor{manifest}}),
		writeJSON(filepath.Join(dir, imgspec.ImageLayoutFile), imgspec.ImageLayout{Version: imgspec.ImageLayoutVersion}),
	)
}

func busyboxLayer(program []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	var errs error
	add := func(h tar.Header) { errs = errors.Join(errs, w.WriteHeader(&h)) }
	for _, dir := range []string{"bin/", "dev/", "etc/", "proc/", "run/", "sys/", "tmp/"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755})
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(program))})
	_, err := w.Write(program)
	errs = errors.Join(errs, err)
	for _, applet := range []string{"cat", "ls", "sh", "sleep", "true"} {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777})
	}
	if err := errors.Join(errs, w.Close()); err != nil {
		return nil, fmt.Errorf("cannot make a layer: %w", err)
	}
	return out.Bytes(), nil
}

func putObject(dir, mediaType string, object any) (imgspec.Descriptor, error) {
	data, err := json.Marshal(object)
	if err != nil {
		return imgspec.Descriptor{}, err
	}
	return putBlob(dir, mediaType, data)
}

func putBlob(dir, mediaType string, data []byte) (imgspec.Descriptor, error) {
	d := imgspec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	path := blobPath(dir, d.Digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return d, err
	}
	return d, os.WriteFile(path, data, 0o644)
}
