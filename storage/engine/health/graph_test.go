//go:build containers_image_openpgp

package health

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	layerA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	layerB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	imageC = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	imageD = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	shortA = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	shortB = "BBBBBBBBBBBBBBBBBBBBBBBBBB"
)

// fakeGraph is a store with one layer and one image, as containers/storage lays
// them out, and all kinds of garbage.
func fakeGraph(t *testing.T) (g graph, garbage []string) {
	t.Helper()
	g = graph{root: t.TempDir(), run: t.TempDir(), driver: "overlay"}
	write := func(bad bool, name, text string) {
		path := filepath.Join(g.root, name)
		if strings.HasPrefix(name, "run/") {
			path = filepath.Join(g.run, name[4:])
		}
		if bad {
			garbage = append(garbage, path)
		}
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, []byte(text), 0o600))
	}
	link := func(bad bool, name, target string) {
		path := filepath.Join(g.root, name)
		if bad {
			garbage = append(garbage, path)
		}
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.Symlink(target, path))
	}
	item := "=" + base64.StdEncoding.EncodeToString([]byte("sha256:1"))
	write(false, "overlay-layers/layers.json", `[{"id":"`+layerA+`","big-data-names":["sum"]}]`)
	write(false, "overlay-layers/"+layerA+".tar-split.gz", "x")
	write(false, "overlay-layers/"+layerA+"/sum", "x")
	write(true, "overlay-layers/"+layerA+"/other", "x")
	write(true, "overlay-layers/"+layerB+".tar-split.gz", "x")
	write(true, "overlay-layers/.tmp-layers.json123", "x")
	write(false, "overlay-layers/README", "x")
	write(false, "overlay/"+layerA+"/link", shortA)
	write(false, "overlay/"+layerB+"/diff/f", "x")
	garbage = append(garbage, filepath.Join(g.root, "overlay", layerB))
	link(false, "overlay/l/"+shortA, "../"+layerA+"/diff")
	link(true, "overlay/l/"+shortB, "../"+layerA+"/diff") // of an earlier try
	link(true, "overlay/l/CCCCCCCCCCCCCCCCCCCCCCCCCC", "../"+layerB+"/diff")
	write(false, "overlay-images/images.json", `[{"id":"`+imageC+`","big-data-names":["manifest","sha256:1"]}]`)
	write(false, "overlay-images/"+imageC+"/manifest", "x")
	write(false, "overlay-images/"+imageC+"/"+item, "x")
	write(true, "overlay-images/"+imageC+"/.tmp-manifest1", "x")
	write(false, "overlay-images/"+imageD+"/manifest", "x")
	garbage = append(garbage, filepath.Join(g.root, "overlay-images", imageD))
	write(true, "overlay-images/.tmp-images.json1", "x")
	write(true, "overlay-containers/.tmp-containers.json1", "x")
	write(false, "overlay-containers/containers.json", "[]")
	write(true, "run/overlay-layers/.tmp-mountpoints.json1", "x")
	write(false, "run/overlay-layers/mountpoints.json", "[]")
	slices.Sort(garbage)
	return g, garbage
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pathsOf(all []stray) (paths []string) {
	for _, s := range all {
		paths = append(paths, s.path)
	}
	slices.Sort(paths)
	return paths
}

func TestStrays(t *testing.T) {
	g, garbage := fakeGraph(t)
	found, err := g.strays(context.Background(), false)
	check(t, err)
	if got := pathsOf(found); !slices.Equal(got, garbage) {
		t.Fatalf("got  %q\nwant %q", got, garbage)
	}
	for _, s := range found {
		if _, err := os.Lstat(s.path); err != nil || s.what == "" {
			t.Errorf("looking changed %s (%v), or there is no word on it: %q", s.path, err, s.what)
		}
	}
	_, err = g.strays(context.Background(), true)
	check(t, err)
	for _, path := range garbage {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there (%v)", path, err)
		}
	}
	if left, err := g.strays(context.Background(), false); err != nil || len(left) > 0 {
		t.Errorf("after the sweep: %v, %v", left, err)
	}
	for _, name := range []string{"overlay-layers/README", "overlay-layers/" + layerA + "/sum", "overlay/l/" + shortA, "overlay-images/" + imageC + "/manifest"} {
		if _, err := os.Lstat(filepath.Join(g.root, name)); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(g.root, "overlay/tempdirs")); len(left) > 0 {
		t.Errorf("the bin is not empty: %v", left)
	}
}

// Records that cannot be read make nothing garbage.
func TestStraysWithDamagedRecords(t *testing.T) {
	g, _ := fakeGraph(t)
	check(t, os.WriteFile(filepath.Join(g.root, "overlay-layers/layers.json"), []byte(`[{"id":`), 0o600))
	check(t, os.WriteFile(filepath.Join(g.root, "overlay-images/images.json"), []byte(`{}`), 0o600))
	found, err := g.strays(context.Background(), true)
	if err == nil {
		t.Error("no error")
	}
	for _, s := range found {
		if !strings.Contains(s.path, "overlay-containers") && !strings.Contains(s.path, "mountpoints") {
			t.Errorf("%s was taken for garbage", s.path)
		}
	}
	if _, err := os.Lstat(filepath.Join(g.root, "overlay", layerB, "diff/f")); err != nil {
		t.Error(err)
	}
}

func TestNoStore(t *testing.T) {
	g := graph{root: filepath.Join(t.TempDir(), "none"), run: "/nonexistent", driver: "overlay"}
	if found, err := g.strays(context.Background(), true); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := os.Lstat(g.root); err == nil {
		t.Error("it was made")
	}
}

// FuzzRecords: layers.json may hold anything after a power cut.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`[{"id":"a","big-data-names":["b"]}]`))
	f.Add([]byte(`[{"id":7}]`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "layers.json")
		check(t, os.WriteFile(path, data, 0o600))
		known, err := readRecords([]string{path})
		if (err != nil) && known != nil {
			t.Error("an error and records")
		}
	})
}

// containers/storage removes all of overlay/l with a layer whose own short name was
// not written down yet; those of the others come back.
func TestLostLinks(t *testing.T) {
	g, _ := fakeGraph(t)
	_, err := g.strays(context.Background(), true)
	check(t, err)
	check(t, os.RemoveAll(filepath.Join(g.root, "overlay/l")))
	found, err := g.strays(context.Background(), false)
	check(t, err)
	want := filepath.Join(g.root, "overlay/l", shortA)
	if got := pathsOf(found); !slices.Contains(got, want) {
		t.Fatalf("%q", got)
	}
	if _, err := os.Lstat(want); err == nil {
		t.Error("looking changed it")
	}
	_, err = g.strays(context.Background(), true)
	check(t, err)
	if target, err := os.Readlink(want); err != nil || target != "../"+layerA+"/diff" {
		t.Errorf("%q, %v", target, err)
	}
	if left, err := g.strays(context.Background(), false); err != nil || len(left) > 0 {
		t.Errorf("after the sweep: %v, %v", left, err)
	}
}
