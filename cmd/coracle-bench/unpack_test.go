package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tarball makes an archive; regular files hold their own name.
func tarball(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range entries {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		check(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte(h.Name))
			check(t, err)
		}
	}
	check(t, w.Close())
	return out.Bytes()
}

func apply(t *testing.T, dir string, archive []byte) error {
	t.Helper()
	root, err := os.OpenRoot(dir)
	check(t, err)
	defer root.Close()
	return applyTar(root, tar.NewReader(bytes.NewReader(archive)))
}

func TestApplyTar(t *testing.T) {
	dir := t.TempDir()
	check(t, apply(t, dir, tarball(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "bin/", Mode: 0o555},
		tar.Header{Typeflag: tar.TypeReg, Name: "bin/a", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "./deep/er/file", Mode: 0o600},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/link", Linkname: "a"},
		tar.Header{Typeflag: tar.TypeLink, Name: "bin/hard", Linkname: "/bin/a"},
		tar.Header{Typeflag: tar.TypeChar, Name: "dev/null", Mode: 0o666},
		tar.Header{Typeflag: tar.TypeReg, Name: "gone", Mode: 0o644},
	)))
	check(t, apply(t, dir, tarball(t,
		tar.Header{Typeflag: tar.TypeReg, Name: ".wh.gone", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeReg, Name: "deep/.wh.er", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeReg, Name: "bin/link", Mode: 0o700},
	)))
	for name, want := range map[string]string{"bin/a": "bin/a", "bin/hard": "bin/a", "bin/link": "bin/link"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != want {
			t.Errorf("%s holds %q, %v, want %q", name, data, err, want)
		}
	}
	for _, name := range []string{"gone", "deep/er", "dev/null"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is there (%v)", name, err)
		}
	}
	if fi, err := os.Stat(filepath.Join(dir, "bin")); err != nil || fi.Mode().Perm() != 0o755 {
		t.Errorf("bin: %v, %v: its owner must be able to write", fi.Mode(), err)
	}
}

// Nothing is written out of the directory.
func TestApplyTarStaysInside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"dots": {{Typeflag: tar.TypeReg, Name: "../evil", Mode: 0o644}},
		"link": {
			{Typeflag: tar.TypeSymlink, Name: "out", Linkname: ".."},
			{Typeflag: tar.TypeReg, Name: "out/evil", Mode: 0o644},
		},
		"absolute link": {
			{Typeflag: tar.TypeSymlink, Name: "out", Linkname: "/tmp"},
			{Typeflag: tar.TypeReg, Name: "out/evil", Mode: 0o644},
		},
		"whiteout": {{Typeflag: tar.TypeReg, Name: "../.wh.precious", Mode: 0o644}},
	} {
		above := t.TempDir()
		dir := filepath.Join(above, "root")
		check(t, os.Mkdir(dir, 0o755))
		check(t, os.WriteFile(filepath.Join(above, "precious"), nil, 0o600))
		err := apply(t, dir, tarball(t, entries...))
		if _, there := os.Lstat(filepath.Join(above, "evil")); err == nil || there == nil {
			t.Errorf("%s: error %v; the file is there: %v", name, err, there == nil)
		}
		if _, err := os.Lstat(filepath.Join(above, "precious")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnpackLayer(t *testing.T) {
	archive := tarball(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(archive)
	check(t, err)
	check(t, z.Close())
	for _, c := range []struct {
		mediaType string
		data      []byte
		ok        bool
	}{
		{imgspec.MediaTypeImageLayer, archive, true},
		{imgspec.MediaTypeImageLayerGzip, packed.Bytes(), true},
		{imgspec.MediaTypeImageLayerGzip, archive, false},
		{imgspec.MediaTypeImageLayer, archive[:300], false},
		{imgspec.MediaTypeImageLayerZstd, archive, false},
	} {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		check(t, err)
		blob := filepath.Join(t.TempDir(), "blob")
		check(t, os.WriteFile(blob, c.data, 0o600))
		if err := unpackLayer(root, blob, c.mediaType); (err == nil) != c.ok {
			t.Errorf("%s of %d bytes: %v", c.mediaType, len(c.data), err)
		}
		root.Close()
		if _, err := os.Stat(filepath.Join(dir, "f")); c.ok && err != nil {
			t.Errorf("%s: %v", c.mediaType, err)
		}
	}
}
