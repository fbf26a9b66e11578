package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coracle/storage"
)

const oneImage = `[{"id":"be1d","digest":"sha256:adf6","names":["localhost/coracle-bench:latest"],"layer":"fb7a","big-data-sizes":{"manifest":349}}]`

// testStore writes an image store with one image.
func testStore(t *testing.T, dir string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(dir, "be1d"), 0o700))
	check(t, os.WriteFile(filepath.Join(dir, "be1d", "manifest"), []byte("{}"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "images.json"), []byte(oneImage), 0o600))
}

func TestMultiplyImages(t *testing.T) {
	dir := t.TempDir()
	testStore(t, dir)
	for _, n := range []int{1, 4, 10} {
		check(t, multiplyImages(dir, n))
		var images []struct {
			ID, Layer string
			Names     []string
		}
		check(t, readJSON(filepath.Join(dir, "images.json"), &images))
		if len(images) != n || images[0].ID != "be1d" || images[0].Names[0] != imageName {
			t.Fatalf("%d images, want %d; the first is %+v", len(images), n, images[0])
		}
		names := map[string]bool{}
		for _, i := range images {
			names[i.Names[0]] = true
			data, err := os.ReadFile(filepath.Join(dir, i.ID, "manifest"))
			if err != nil || string(data) != "{}" || i.Layer != "fb7a" {
				t.Errorf("%+v: %q, %v", i, data, err)
			}
		}
		if len(names) != n {
			t.Errorf("%d names, want %d", len(names), n)
		}
	}
}

func TestMultiplyNothing(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "[]", "{", `[{"id":7}]`} {
		check(t, os.WriteFile(filepath.Join(dir, "images.json"), []byte(text), 0o600))
		if err := multiplyImages(dir, 3); err == nil {
			t.Errorf("multiplied %q", text)
		}
	}
	if err := multiplyImages(filepath.Join(dir, "nowhere"), 3); err == nil {
		t.Error("multiplied nothing")
	}
}

func TestFill(t *testing.T) {
	w := &world{Home: t.TempDir()}
	testStore(t, w.data("containers", "storage", "overlay-images"))
	check(t, fill(w, 5))
	all, err := storage.Containers{Data: w.data("coracle")}.List()
	check(t, err)
	if len(all) != 5 {
		t.Errorf("%d containers, want 5", len(all))
	}
	for _, d := range all {
		if alive, err := d.Alive(); alive || err != nil || !d.Keep {
			t.Errorf("%s: alive %v, %v, kept %v", d.ID, alive, err, d.Keep)
		}
	}
	check(t, os.MkdirAll(w.data("coracle", "records"), 0o700))
	check(t, forget(w))
	if _, err := os.Stat(w.data("coracle", "records")); !os.IsNotExist(err) {
		t.Errorf("the records are still there: %v", err)
	}
}

func TestImportArgs(t *testing.T) {
	p := stage{coracle: "/b/coracle"}.peers()[0]
	got := strings.Join(importArgs(p, "/h/image"), " ")
	if want := "/b/coracle run --rm --network none oci:/h/image:" + imageName + " true"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
