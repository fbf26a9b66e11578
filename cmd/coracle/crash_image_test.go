package main_test

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// images puts small images into the home, oci:img and oci:img2, which share their
// lowest layer, and img.tar, an OCI archive. They hold no program: what runs in
// them is the host's busybox, see line.
func (w *crashWorld) images() {
	w.t.Helper()
	data, err := os.ReadFile(w.program("busybox"))
	check(w.t, err)
	check(w.t, os.WriteFile(filepath.Join(w.s.work, "busybox"), data, 0o755))
	base := "dir etc\ndir data\nfile etc/passwd = root:x:0:0::/:/bin/sh\nfile etc/owned owner=5:6 = mine\nln etc/link -> owned\nlink etc/hard etc/owned"
	w.image("img", base, "file top = one\nwhiteout etc/link\ndir data/sub owner=7:7\nfile data/sub/f = x")
	w.image("img2", base, "file top = two\nopaque etc\nfile etc/new = y")
	w.archive("img", "img.tar")
}

func (w *crashWorld) program(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		w.t.Fatalf("%v\n  fix: make test-setup", err)
	}
	return path
}

// image makes an image in OCI layout from layers in the words of mkimage.
func (w *crashWorld) image(name string, recipes ...string) {
	w.t.Helper()
	l := &layout{dir: w.path(name)}
	check(w.t, os.MkdirAll(filepath.Join(l.dir, "blobs/sha256"), 0o755))
	for _, text := range recipes {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		check(w.t, recipe(tw, text, nil))
		check(w.t, tw.Close())
		check(w.t, l.addLayer(b.Bytes(), true))
	}
	check(w.t, l.finish(image{tag: name, platform: imgspec.Platform{Architecture: runtime.GOARCH, OS: "linux"}}))
	check(w.t, chown(l.dir, w.user))
}

// archive makes an OCI archive from a layout.
func (w *crashWorld) archive(dir, file string) {
	w.t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	root := w.path(dir)
	check(w.t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return entry(tw, tar.Header{Name: name, Mode: 0o644}, data)
	}))
	check(w.t, tw.Close())
	path := w.path(file)
	check(w.t, os.WriteFile(path, b.Bytes(), 0o644))
	check(w.t, os.Chown(path, w.user.uid, w.user.gid))
}

// line splits a command line of coracle; "@busybox" is the path of a static one.
func (w *crashWorld) line(text string) []string {
	return strings.Fields(strings.ReplaceAll(text, "@busybox", filepath.Join(w.s.work, "busybox")))
}
