//go:build containers_image_openpgp

package images

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"coracle/storage/record"
)

func TestList(t *testing.T) {
	w := newWorld(t)
	base := w.layer("", "base", 1000)
	top := w.layer(base, "top", 5000)
	created := time.Date(2025, 5, 6, 7, 8, 9, 123, time.UTC)
	img := w.image(made{names: []string{"localhost/a:1"}, layer: top, labels: map[string]string{"k": "v"}, steps: []string{"one", "two"}, created: created})
	check(t, w.s.AddNames(img.ID, []string{"localhost/a:2"}))
	check(t, w.s.RemoveNames(img.ID, []string{"localhost/a:1"}))
	e := w.entry(img.ID)
	size, err := w.s.ImageSize(img.ID) // podman's figure
	check(t, err)
	if e.Size != size || size < 6000 {
		t.Errorf("size %d, the library says %d", e.Size, size)
	}
	if !e.Created.Equal(created) || e.Platform != "linux/amd64" || e.Labels["k"] != "v" || e.Layer != top || e.Dangling() || e.ReadOnly ||
		!reflect.DeepEqual(e.Names, []string{"localhost/a:2"}) || len(e.History) != 2 || len(e.Digests) != 1 || e.Digests[0] != e.Digest {
		t.Errorf("%+v", e)
	}
}

// What is known of an image's content is not read again; what cannot be read is
// listed.
func TestListKnown(t *testing.T) {
	w := newWorld(t)
	img := w.image(made{names: []string{"localhost/a:1"}, labels: map[string]string{"k": "v"}, steps: []string{"one"}})
	known := w.list()
	if why := known.Stale(); why != "" {
		t.Errorf("stale at once: %s", why)
	}
	blobs, err := filepath.Glob(filepath.Join(w.s.GraphRoot(), "overlay-images", img.ID, "*"))
	check(t, err)
	if len(blobs) != 3 {
		t.Fatalf("blobs: %v", blobs)
	}
	for _, b := range blobs {
		check(t, os.WriteFile(b, []byte("broken"), 0o600))
	}
	if e := w.entry(img.ID); e.Labels != nil || e.Platform != "" || e.Names == nil {
		t.Errorf("broken: %+v", e)
	}
	again, err := List(context.Background(), w.s, known)
	check(t, err)
	if !reflect.DeepEqual(again.Images, known.Images) {
		t.Errorf("%+v\nwant %+v", again.Images, known.Images)
	}
	check(t, w.s.AddNames(img.ID, []string{"localhost/b:1"}))
	if known.Stale() == "" {
		t.Error("the store was changed, the catalog holds")
	}
	if _, err := Read(w.s, img); err == nil {
		t.Error("a broken configuration can be read")
	}
}

// steps of a build: each image is the next one's parent.
func (w *world) build() (base, step, named string) {
	w.Helper()
	l1 := w.layer("", "1", 100)
	l2 := w.layer(l1, "2", 200)
	b := w.image(made{names: []string{"localhost/base:1"}, layer: l1, steps: []string{"one"}})
	s := w.image(made{layer: l2, steps: []string{"one", "two"}})
	n := w.image(made{names: []string{"localhost/app:1"}, layer: l2, steps: []string{"one", "two", "-ENV a=b"}, config: imgspec.ImageConfig{Env: []string{"a=b"}}})
	return b.ID, s.ID, n.ID
}

func TestListParents(t *testing.T) {
	w := newWorld(t)
	base, step, named := w.build()
	lone := w.image(made{steps: []string{"one", "other"}})
	noHistory := w.image(made{names: []string{"localhost/none:1"}})
	for id, want := range map[string]record.Entry{
		base: {}, step: {Parent: base, Intermediate: true}, named: {Parent: step}, lone.ID: {}, noHistory.ID: {},
	} {
		if e := w.entry(id); e.Parent != want.Parent || e.Intermediate != want.Intermediate {
			t.Errorf("%.12s: parent %.12s, intermediate %v; want %.12s, %v", id, e.Parent, e.Intermediate, want.Parent, want.Intermediate)
		}
	}
}
