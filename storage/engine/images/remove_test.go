//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"go.podman.io/storage"

	"coracle/storage/record"
)

func (w *world) removal() *Removal {
	return &Removal{List: func(ctx context.Context) (*record.Catalog, error) { return List(ctx, w.s, nil) }}
}

func (w *world) remove(r *Removal, ref string) (Removed, error) {
	w.Helper()
	f, err := Lookup(context.Background(), w.s, ref)
	check(w, err)
	return r.Remove(context.Background(), w.s, f)
}

func TestRemoveNames(t *testing.T) {
	w := newWorld(t)
	layer := w.layer("", "f", 10)
	img := w.image(made{names: []string{"localhost/a:1", "localhost/b:1", "localhost/c:1"}, layer: layer, steps: []string{"a"}})
	done, err := w.remove(w.removal(), "a:1")
	if want := (Removed{Untagged: []string{"localhost/a:1"}}); err != nil || !reflect.DeepEqual(done, want) {
		t.Errorf("one of three names: %+v, %v", done, err)
	}
	if _, err := w.remove(w.removal(), img.ID[:12]); err == nil || !w.has(img.ID) {
		t.Errorf("by id with two names: %v", err)
	}
	force := w.removal()
	force.Force = true
	done, err = w.remove(force, img.ID)
	if err != nil || len(done.Untagged) != 2 || !reflect.DeepEqual(done.Deleted, []string{img.ID}) || !reflect.DeepEqual(done.Layers, []string{layer}) || w.has(img.ID) {
		t.Errorf("with force: %+v, %v", done, err)
	}
	if layers, err := w.s.Layers(); err != nil || len(layers) != 0 {
		t.Errorf("left: %v, %v", layers, err)
	}
}

func TestRemoveLastName(t *testing.T) {
	w := newWorld(t)
	shared := w.layer("", "shared", 10)
	own := w.layer(shared, "own", 10)
	img := w.image(made{names: []string{"localhost/a:1"}, layer: own, steps: []string{"a"}})
	other := w.image(made{names: []string{"localhost/b:1"}, layer: shared, steps: []string{"b"}})
	exists, err := LayerExists(w.s)
	check(t, err)
	done, err := w.remove(w.removal(), "a:1")
	if err != nil || !reflect.DeepEqual(done.Layers, []string{own}) || w.has(img.ID) || !w.has(other.ID) {
		t.Errorf("%+v, %v", done, err)
	}
	if !exists(own) || !exists(shared) || exists("other") {
		t.Error("before: layers are not told")
	}
	if exists, err = LayerExists(w.s); err != nil || exists(own) || !exists(shared) {
		t.Errorf("after: layers are not told, %v", err)
	}
}

func TestRemoveParents(t *testing.T) {
	for _, tt := range []struct {
		name    string
		noPrune bool
		sibling bool
		deleted int
	}{{"with its steps", false, false, 2}, {"without", true, false, 1}, {"steps that another needs", false, true, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			base, step, named := w.build()
			if tt.sibling {
				w.image(made{names: []string{"localhost/sibling:1"}, layer: w.entry(step).Layer, steps: []string{"one", "two", "-ENV c=d"}})
			}
			r := w.removal()
			r.NoPrune = tt.noPrune
			done, err := w.remove(r, "app:1")
			if err != nil || len(done.Deleted) != tt.deleted || done.Deleted[0] != named {
				t.Errorf("%+v, %v", done, err)
			}
			if w.has(step) != (tt.deleted == 1) || !w.has(base) {
				t.Errorf("step %v, base %v", w.has(step), w.has(base))
			}
		})
	}
}

func TestRemoveInUse(t *testing.T) {
	w := newWorld(t)
	layer := w.layer("", "f", 10)
	img := w.image(made{names: []string{"localhost/a:1"}, layer: layer, steps: []string{"a"}})
	ours := w.removal()
	ours.Free = func(_ context.Context, i *storage.Image) error {
		if i.ID != img.ID {
			t.Errorf("asked of %s", i.ID)
		}
		return ErrInUse
	}
	if _, err := w.remove(ours, "a:1"); !errors.Is(err, ErrInUse) || !w.has(img.ID) {
		t.Errorf("ours: %v", err)
	}
	// A container of podman's.
	c, err := w.s.CreateContainer("", nil, img.ID, "", "", nil)
	check(t, err)
	if done, err := w.remove(w.removal(), "a:1"); !errors.Is(err, ErrInUse) || !w.has(img.ID) || len(done.Untagged) > 0 {
		t.Errorf("podman's: %+v, %v", done, err)
	}
	// Its name can be taken off nevertheless, if it has another.
	check(t, w.s.AddNames(img.ID, []string{"localhost/b:1"}))
	if _, err := w.remove(ours, "b:1"); err != nil {
		t.Errorf("a name of an image in use: %v", err)
	}
	check(t, w.s.DeleteContainer(c.ID))
	if _, err := w.remove(w.removal(), "a:1"); err != nil || w.has(img.ID) {
		t.Errorf("free: %v", err)
	}
}

func TestPrune(t *testing.T) {
	for _, tt := range []struct {
		name  string
		p     Pruning
		gone  int
		freed int64
		left  int
	}{
		{"without names", Pruning{}, 1, 2560, 4},
		{"all", Pruning{All: true}, 4, 2560 + 2*2048, 1}, // the step goes with the image built on it
		{"those wanted", Pruning{Want: func(*record.Entry) bool { return false }}, 0, 0, 5},
		{"all those wanted", Pruning{All: true, Want: func(e *record.Entry) bool { return e.Labels["k"] == "v" }}, 1, 2560, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.build()
			w.image(made{layer: w.layer("", "dangling", 1000), labels: map[string]string{"k": "v"}, steps: []string{"x"}})
			used := w.image(made{layer: w.layer("", "used", 1000), steps: []string{"y"}})
			r := w.removal()
			r.Free = func(_ context.Context, i *storage.Image) error {
				if i.ID == used.ID {
					return ErrInUse
				}
				return nil
			}
			gone, freed, err := r.Prune(context.Background(), w.s, tt.p)
			check(t, err)
			deleted := 0
			for _, g := range gone {
				deleted += len(g.Deleted)
			}
			if left := len(w.list().Images); deleted != tt.gone || left != tt.left {
				t.Errorf("%d removed, %d left; want %d, %d", deleted, left, tt.gone, tt.left)
			}
			if freed != tt.freed { // tar files: a header and the end besides the content
				t.Errorf("freed %d, want %d", freed, tt.freed)
			}
			if !w.has(used.ID) {
				t.Error("an image in use is gone")
			}
		})
	}
}
