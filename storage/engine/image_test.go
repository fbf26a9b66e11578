//go:build containers_image_openpgp

package engine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A testImage is an image made by hand.
type testImage struct {
	layers  [][]tar.Header // Xattrs-free headers; the body of a file is its name
	plain   [][]byte       // more layers, as they are
	packing string         // "gzip", "zstd", "zstd:chunked", "none"
	arch    string
	config  imgspec.ImageConfig
	docker  bool // docker's media types in the layout
}

// twoLayers is a small image with all that layers can hold.
func twoLayers() testImage {
	return testImage{
		packing: "gzip", arch: "amd64",
		config: imgspec.ImageConfig{
			User: "33", Env: []string{"PATH=/bin", "A=b"}, Entrypoint: []string{"/bin/sh"}, Cmd: []string{"-c", "id"},
			WorkingDir: "/srv", StopSignal: "SIGTERM", Labels: map[string]string{"k": "v"},
			Volumes: map[string]struct{}{"/data": {}}, ExposedPorts: map[string]struct{}{"80/tcp": {}},
		},
		layers: [][]tar.Header{
			{
				{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755},
				{Name: "bin/sh", Typeflag: tar.TypeReg, Mode: 0o755},
				{Name: "bin/su", Typeflag: tar.TypeReg, Mode: 0o4755},
				{Name: "bin/ash", Typeflag: tar.TypeLink, Linkname: "bin/sh", Mode: 0o755},
				{Name: "bin/bash", Typeflag: tar.TypeSymlink, Linkname: "/bin/sh", Mode: 0o777},
				{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755},
				{Name: "etc/gone", Typeflag: tar.TypeReg, Mode: 0o644},
				{Name: "var/", Typeflag: tar.TypeDir, Mode: 0o755},
				{Name: "var/www/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: 33, Gid: 33},
				{Name: "var/www/old", Typeflag: tar.TypeReg, Mode: 0o640, Uid: 33, Gid: 34},
			},
			{
				{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755},
				{Name: "etc/.wh.gone", Typeflag: tar.TypeReg, Mode: 0o644},
				{Name: "var/", Typeflag: tar.TypeDir, Mode: 0o755},
				{Name: "var/www/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: 33, Gid: 33},
				{Name: "var/www/.wh..wh..opq", Typeflag: tar.TypeReg, Mode: 0o644},
				{Name: "var/www/new", Typeflag: tar.TypeReg, Mode: 0o644, Uid: 1234, Gid: 5678},
			},
		},
	}
}

// small is an image of one layer with one file.
func small(file string) testImage {
	return testImage{packing: "gzip", arch: "amd64", layers: [][]tar.Header{{{Name: file, Typeflag: tar.TypeReg, Mode: 0o644}}}}
}

func tarOf(t *testing.T, headers []tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			w.Write([]byte(h.Name))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func packed(t *testing.T, data []byte, packing string) ([]byte, string) {
	t.Helper()
	var buf bytes.Buffer
	switch packing {
	case "gzip":
		w := gzip.NewWriter(&buf)
		w.Write(data)
		w.Close()
		return buf.Bytes(), imgspec.MediaTypeImageLayerGzip
	case "zstd":
		w, err := zstd.NewWriter(&buf)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
		w.Close()
		return buf.Bytes(), imgspec.MediaTypeImageLayerZstd
	}
	return data, imgspec.MediaTypeImageLayer
}

// A layoutDir is an OCI layout being written.
type layoutDir struct {
	t     *testing.T
	path  string
	index imgspec.Index
}

func newLayout(t *testing.T, path string) *layoutDir {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(path, "blobs", "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &layoutDir{t: t, path: path, index: imgspec.Index{Versioned: specs.Versioned{SchemaVersion: 2}}}
}

func (l *layoutDir) write(name string, data []byte) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.path, name), data, 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *layoutDir) blob(mediaType string, data []byte) imgspec.Descriptor {
	l.t.Helper()
	d := digest.FromBytes(data)
	l.write("blobs/sha256/"+d.Encoded(), data)
	return imgspec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

func (l *layoutDir) json(mediaType string, v any) imgspec.Descriptor {
	l.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.blob(mediaType, data)
}

// image writes an image's blobs and returns its manifest's descriptor.
func (l *layoutDir) image(i testImage) imgspec.Descriptor {
	l.t.Helper()
	config := imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: i.arch}, Config: i.config}
	config.RootFS.Type = "layers"
	kinds := []string{imgspec.MediaTypeImageManifest, imgspec.MediaTypeImageConfig}
	if i.docker {
		kinds = []string{"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.container.image.v1+json"}
	}
	m := imgspec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: kinds[0], Layers: []imgspec.Descriptor{}}
	var plains [][]byte
	for _, headers := range i.layers {
		plains = append(plains, tarOf(l.t, headers))
	}
	for _, plain := range append(plains, i.plain...) {
		data, mediaType := packed(l.t, plain, i.packing)
		if i.docker {
			mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip"
		}
		layer := l.blob(mediaType, data)
		if i.packing == "zstd:chunked" {
			data, annotations := chunkedBlob(l.t, plain)
			layer = l.blob(imgspec.MediaTypeImageLayerZstd, data)
			layer.Annotations = annotations
		}
		m.Layers = append(m.Layers, layer)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(plain))
	}
	m.Config = l.json(kinds[1], config)
	d := l.json(kinds[0], m)
	d.Platform = &config.Platform
	return d
}

// add puts a manifest into index.json, under a name.
func (l *layoutDir) add(d imgspec.Descriptor, name string) *layoutDir {
	l.t.Helper()
	d.Platform = nil
	if name != "" {
		d.Annotations = map[string]string{imgspec.AnnotationRefName: name}
	}
	l.index.Manifests = append(l.index.Manifests, d)
	data, err := json.Marshal(l.index)
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("index.json", data)
	l.write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return l
}

// flip changes one byte of a blob, from the end when at is negative.
func (l *layoutDir) flip(d digest.Digest, at int) {
	l.t.Helper()
	name := "blobs/sha256/" + d.Encoded()
	data, err := os.ReadFile(filepath.Join(l.path, name))
	if err != nil {
		l.t.Fatal(err)
	}
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 1
	l.write(name, data)
}

func (l *layoutDir) manifest(d imgspec.Descriptor) (m imgspec.Manifest) {
	l.t.Helper()
	data, err := os.ReadFile(filepath.Join(l.path, "blobs/sha256", d.Digest.Encoded()))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return m
}

// tarFile writes files, given as name and content pairs, into an archive.
func tarFile(t *testing.T, path string, pairs ...string) {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		h := &tar.Header{Name: pairs[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(pairs[i+1]))}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(pairs[i+1]))
	}
	w.Close()
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tarDir archives a directory's files.
func tarDir(t *testing.T, path, dir string) {
	t.Helper()
	var pairs []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		name, _ := filepath.Rel(dir, p)
		pairs = append(pairs, name, string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tarFile(t, path, pairs...)
}

// dockerSave writes images the way docker save does, name by name.
func dockerSave(t *testing.T, path string, images map[string]testImage) {
	t.Helper()
	var manifest []map[string]any
	var pairs []string
	for name, i := range images {
		config := imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: i.arch}, Config: i.config}
		config.RootFS.Type = "layers"
		var layers []string
		for _, headers := range i.layers {
			data := tarOf(t, headers)
			d := digest.FromBytes(data)
			config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, d)
			layers = append(layers, d.Encoded()+".tar")
			pairs = append(pairs, d.Encoded()+".tar", string(data))
		}
		data, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		id := digest.FromBytes(data).Encoded()
		pairs = append(pairs, id+".json", string(data))
		item := map[string]any{"Config": id + ".json", "Layers": layers}
		if name != "" {
			item["RepoTags"] = []string{name}
		}
		manifest = append(manifest, item)
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	tarFile(t, path, append(pairs, "manifest.json", string(data))...)
}
