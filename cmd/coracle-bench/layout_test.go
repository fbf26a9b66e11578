package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// testLayout makes a layout with one image, of a file that plays busybox.
func testLayout(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "image")
	program := filepath.Join(t.TempDir(), "busybox")
	check(t, os.WriteFile(program, []byte("#!busy"), 0o755))
	check(t, os.MkdirAll(dir, 0o755))
	check(t, busyboxLayout(dir, program))
	return dir
}

func TestBusyboxLayout(t *testing.T) {
	dir, root := testLayout(t), filepath.Join(t.TempDir(), "root")
	check(t, unpackImage(dir, root))
	if data, err := os.ReadFile(filepath.Join(root, "bin/true")); err != nil || string(data) != "#!busy" {
		t.Errorf("bin/true: %q, %v", data, err)
	}
	for _, command := range [][]string{trueCommand(), sleepCommand()} {
		if fi, err := os.Stat(filepath.Join(root, "bin", command[0])); err != nil || fi.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", command[0], fi, err)
		}
	}
	for _, mountpoint := range []string{"proc", "sys", "dev", "etc", "run", "tmp"} {
		if fi, err := os.Stat(filepath.Join(root, mountpoint)); err != nil || !fi.IsDir() {
			t.Errorf("%s: %v", mountpoint, err)
		}
	}
	if err := busyboxLayout(t.TempDir(), filepath.Join(dir, "nothing")); err == nil {
		t.Error("made of nothing")
	}
}

func TestRenameImage(t *testing.T) {
	dir := testLayout(t)
	path := filepath.Join(dir, imgspec.ImageIndexFile)
	var index imgspec.Index
	check(t, readJSON(path, &index))
	ours := index.Manifests[0]
	ours.Platform = &imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	other := ours
	other.Platform = &imgspec.Platform{OS: "linux", Architecture: "vax"}
	index.Manifests = []imgspec.Descriptor{other, ours}
	check(t, writeJSON(path, index))
	if err := unpackImage(dir, t.TempDir()); err == nil || !strings.Contains(err.Error(), "2 images") {
		t.Errorf("two images: %v", err)
	}
	check(t, renameImage(dir, "localhost/new:1"))
	index = imgspec.Index{}
	check(t, readJSON(path, &index))
	if len(index.Manifests) != 1 || index.Manifests[0].Annotations[imgspec.AnnotationRefName] != "localhost/new:1" {
		t.Errorf("left are %+v", index.Manifests)
	}
	index.Manifests = []imgspec.Descriptor{other}
	check(t, writeJSON(path, index))
	if err := renameImage(dir, "x"); err == nil || !strings.Contains(err.Error(), runtime.GOARCH) {
		t.Errorf("an image for another machine: %v", err)
	}
}

// Whether or not this build has the base image, what comes out can be run.
func TestMakeLayout(t *testing.T) {
	dir, root := filepath.Join(t.TempDir(), "image"), t.TempDir()
	what, err := makeLayout(dir)
	if errors.Is(err, errNoBusybox) {
		t.Skipf("program busybox: %v", err)
	}
	check(t, err)
	check(t, unpackImage(dir, root))
	found := false
	for _, bin := range []string{"bin", "usr/bin"} {
		_, err := os.Lstat(filepath.Join(root, bin, "true"))
		found = found || err == nil
	}
	if !found {
		t.Errorf("%s has no program true", what)
	}
}

func TestIsStatic(t *testing.T) {
	if isStatic(filepath.Join(testLayout(t), imgspec.ImageLayoutFile)) {
		t.Error("a text is a static program")
	}
	if isStatic(filepath.Join(t.TempDir(), "nothing")) {
		t.Error("nothing is a static program")
	}
	// The test program is built without cgo or with it: it cannot be told here.
	// Whatever is found must at least be a program.
	if path, err := findBusybox(); err == nil && !isStatic(path) {
		t.Errorf("%s is not static", path)
	}
}

func TestReadJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	check(t, os.WriteFile(path, []byte("{"), 0o600))
	var into map[string]any
	if err := readJSON(path, &into); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("half an object: %v", err)
	}
	if err := writeJSON(path, func() {}); err == nil {
		t.Error("wrote a function")
	}
}
