package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ImageFacts is what is pulled.
type ImageFacts struct {
	Layers     int   `json:"layers"`
	Compressed int64 `json:"compressed"`
	Unpacked   int64 `json:"unpacked"` // bytes of regular files
	Files      int   `json:"files"`
}

func (f ImageFacts) String() string {
	return fmt.Sprintf("Debian %s, %d layers, %d MB to download, %d files of %d MB", debianSuite, f.Layers, f.Compressed/1e6, f.Files, f.Unpacked/1e6)
}

func wholeManifest(layout string, m *imgspec.Manifest) error {
	var index imgspec.Index
	if err := readJSON(filepath.Join(layout, imgspec.ImageIndexFile), &index); err != nil {
		return err
	}
	if len(index.Manifests) == 0 {
		return fmt.Errorf("%s has no image", layout)
	}
	return readJSON(blobPath(layout, index.Manifests[0].Digest), m)
}

// imageFacts counts what is in the layers.
func imageFacts(layout string) (f ImageFacts, err error) {
	var m imgspec.Manifest
	if err := wholeManifest(layout, &m); err != nil {
		return f, err
	}
	f.Layers = len(m.Layers)
	for _, l := range m.Layers {
		f.Compressed += l.Size
		_, err := withFile(blobPath(layout, l.Digest), func(in io.Reader) (struct{}, error) {
			return struct{}{}, f.count(in)
		})
		if err != nil {
			return f, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
	}
	return f, nil
}

// tarObject adds a JSON file to an archive.
func tarObject(w *tar.Writer, name string, object any) error {
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func tarFile(w *tar.Writer, top fs.FS, name string) error {
	f, err := top.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: fi.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// count adds the files of a gzipped layer.
func (f *ImageFacts) count(in io.Reader) error {
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f.Files++
		f.Unpacked += h.Size
	}
}
