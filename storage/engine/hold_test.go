//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func newScratchIn(t *testing.T, root string, store *fakeStore) *scratch {
	t.Helper()
	s, err := newScratch(root, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func (f *fakeStore) has(id string) func() bool { return func() bool { return f.Exists(id) } }

func unwaited(t *testing.T) func() {
	return func() { t.Helper(); t.Error("waited") }
}

// TestHold goes through what becomes of a layer: made by one pull, waited for by
// another, kept or given back.
func TestHold(t *testing.T) {
	ctx := context.Background()
	store := &fakeStore{layers: map[string]bool{}, root: t.TempDir()}
	root := filepath.Join(t.TempDir(), "scratch")
	one, two := newScratchIn(t, root, store), newScratchIn(t, root, store)

	store.layers["old"] = true
	if h, make, err := one.take(ctx, "old", store.has("old"), unwaited(t)); h != nil || make || err != nil {
		t.Errorf("a layer of an image: %v %v %v", h, make, err)
	}
	first, make1, err := one.take(ctx, "new", store.has("new"), unwaited(t))
	if first == nil || !make1 || err != nil {
		t.Fatalf("%v %v %v", first, make1, err)
	}
	// Another waits, as long as it may.
	short, cancel := context.WithCancelCause(ctx)
	over := errors.New("over")
	waited := false
	if _, _, err := two.take(short, "new", store.has("new"), func() { waited = true; cancel(over) }); !errors.Is(err, over) || !waited {
		t.Errorf("%v, waited %v", err, waited)
	}
	// It is made; both rely on it.
	store.layers["new"] = false
	if err := first.share(); err != nil {
		t.Fatal(err)
	}
	second, make2, err := two.take(ctx, "new", store.has("new"), unwaited(t))
	if second == nil || make2 || err != nil {
		t.Fatalf("%v %v %v", second, make2, err)
	}
	one.giveBack(store, []*hold{first})
	if !store.Exists("new") {
		t.Fatal("a layer was deleted that another pull relies on")
	}
	two.giveBack(store, []*hold{second})
	if store.Exists("new") {
		t.Error("nobody deleted the layer")
	}
	if left := holdsIn(t, root); left != nil {
		t.Errorf("left %q", left)
	}
	// Kept: the file goes, the layer stays, and needs no hold any more.
	h, _, err := one.take(ctx, "kept", store.has("kept"), unwaited(t))
	if err != nil {
		t.Fatal(err)
	}
	store.layers["kept"] = false
	one.keep([]*hold{h})
	if h, _, _ := two.take(ctx, "kept", store.has("kept"), unwaited(t)); h != nil || !store.Exists("kept") {
		t.Error("a kept layer needs a hold, or is gone")
	}
}

func holdsIn(t *testing.T, root string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "layers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestHoldPassesOn: who waits makes the layer when the first gives up, and
// finds it when the first succeeds.
func TestHoldPassesOn(t *testing.T) {
	ctx := context.Background()
	for name, made := range map[string]bool{"given up": false, "made": true} {
		t.Run(name, func(t *testing.T) {
			store := &fakeStore{layers: map[string]bool{}, root: t.TempDir()}
			root := filepath.Join(t.TempDir(), "scratch")
			one, two := newScratchIn(t, root, store), newScratchIn(t, root, store)
			first, _, err := one.take(ctx, "x", store.has("x"), unwaited(t))
			if err != nil {
				t.Fatal(err)
			}
			end := func() {
				if !made {
					one.giveBack(store, []*hold{first})
					return
				}
				store.layers["x"] = false
				if err := first.share(); err != nil {
					t.Error(err)
				}
			}
			h, make, err := two.take(ctx, "x", store.has("x"), end)
			if h == nil || err != nil || make == made {
				t.Errorf("%v, %v, %v", h, make, err)
			}
		})
	}
}

// TestSweep: a new engine removes what dead ones left, and nothing of the
// living.
func TestSweep(t *testing.T) {
	store := &fakeStore{
		layers: map[string]bool{"a": false, "b": false, "c": false, "used": true, "live": false, "mine": false},
		// b lies on c, a on b; some image's layer lies on used and on d.
		parents: map[string]string{"a": "b", "b": "c", "mine": "d"}, root: t.TempDir(),
	}
	store.layers["d"] = false
	root := filepath.Join(t.TempDir(), "scratch")
	live := newScratchIn(t, root, store)
	h, err := live.try(live.holdPath("live"), "live", true)
	if h == nil || err != nil {
		t.Fatal(h, err)
	}
	for _, id := range []string{"a", "b", "c", "d", "used", "gone"} {
		if err := os.WriteFile(live.holdPath(id), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dead := filepath.Join(root, "pull-dead")
	if err := os.Mkdir(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	staging := stagingOf(store)
	for _, d := range []string{"owned", "dead", "lockless"} {
		if err := os.MkdirAll(filepath.Join(staging, d, "dir", "x"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"owned", "dead"} {
		if err := os.WriteFile(filepath.Join(staging, d, "staging.lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	owner, err := os.OpenFile(filepath.Join(staging, "owned", "staging.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if ok, err := ofdLock(owner, unix.F_WRLCK); !ok || err != nil {
		t.Fatal(ok, err)
	}
	next := newScratchIn(t, root, store)
	var have []string
	for id := range store.layers {
		have = append(have, id)
	}
	slices.Sort(have)
	if want := []string{"d", "live", "mine", "used"}; !slices.Equal(have, want) {
		t.Errorf("layers %q, want %q", have, want)
	}
	if left := holdsIn(t, root); !slices.Equal(left, []string{"live"}) {
		t.Errorf("holds %q", left)
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead engine's directory: %v", err)
	}
	if _, err := os.Stat(live.dir); err != nil {
		t.Errorf("a live engine's directory was swept: %v", err)
	}
	entries, _ := os.ReadDir(staging)
	if len(entries) != 1 || entries[0].Name() != "owned" {
		t.Errorf("staging has %v", entries)
	}
	_ = next
}

func TestScratchPlaces(t *testing.T) {
	store := &fakeStore{root: t.TempDir()}
	for _, root := range []string{"relative", "/dev/null/x"} {
		if _, err := newScratch(root, store); err == nil {
			t.Errorf("%s is good enough", root)
		}
	}
	root := filepath.Join(t.TempDir(), "scratch")
	s, err := newScratch(root, store)
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	if left, _ := filepath.Glob(root + "/pull-*"); left != nil {
		t.Errorf("left behind %q", left)
	}
}
