//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coracle/storage"

	cstorage "go.podman.io/storage"
)

func TestRepairOrder(t *testing.T) {
	var done []string
	finding := func(kind Kind, id string, loses bool) Finding {
		return Finding{Kind: kind, Object: id, Problem: "bad", Loses: loses, mend: func(context.Context) error {
			done = append(done, string(kind)+" "+id)
			if id == "stuck" {
				return errors.New("it does not move")
			}
			return nil
		}}
	}
	found := []Finding{
		finding(Leftover, "1", false), finding(Leftover, "2", false), finding(Layer, "l", false), finding(Layer, "m", false),
		finding(Image, "i", false), finding(Image, "stuck", false), finding(Container, "c", true), {Kind: Image, Object: "ro", Problem: "bad"},
	}
	err := (&Store{}).Repair(context.Background(), found, Options{})
	want := []string{"image i", "image stuck", "layer l", "leftover 1"}
	if !slices.Equal(done, want) {
		t.Errorf("got %q, want %q", done, want)
	}
	if !errors.Is(err, ErrNotMended) || !strings.Contains(fmt.Sprint(err), "container c") || !strings.Contains(fmt.Sprint(err), "image ro") ||
		!strings.Contains(fmt.Sprint(err), "it does not move") || !strings.Contains(fmt.Sprint(err), "--force") {
		t.Error(err)
	}
	done = nil
	if err := (&Store{}).Repair(context.Background(), found[6:7], Options{Lossy: true}); err != nil || len(done) != 1 {
		t.Errorf("%v, %q", err, done)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	done = nil
	if err := (&Store{}).Repair(stopped, found, Options{}); !errors.Is(err, context.Canceled) || len(done) > 0 {
		t.Errorf("%v, %q", err, done)
	}
}

func TestProblem(t *testing.T) {
	errs := []error{errors.New("layer 1: gone"), errors.New("layer 1: gone"), errors.New("image 1: x\ny"), errors.New("z"), errors.New("u")}
	if got, want := problem("1", errs), "gone; x; y; z; and 1 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What the library says is put into words, and once.
func TestMeaning(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	in := func(layer, file string) error {
		return fmt.Errorf("layer %s: %w", layer, &os.PathError{Op: "open", Path: "/s/diff/overlay/" + layer + "/diff" + file, Err: os.ErrNotExist})
	}
	for _, tt := range []struct {
		id   string
		errs []error
		want string
	}{
		{a, []error{fmt.Errorf("layer %s: creating file-getter: readlink /s/overlay/%s/diff: no such file or directory", a, a)}, "its directory is gone"},
		{a, []error{fmt.Errorf("layer %s: open /s/overlay/%s/diff/etc/a b: no such file or directory", a, a)}, "its file /etc/a b is gone"},
		{a, []error{fmt.Errorf("layer %s: open /s/overlay/%s/diff/x: permission denied", a, a)}, "its file /x: permission denied"},
		{a, []error{fmt.Errorf("layer %s: %w", a, cstorage.ErrLayerIncorrectContentDigest)}, "the content of a file was changed"},
		{a, []error{fmt.Errorf("read-only layer %s: file integrity checksum failed for \"x\"", a)}, "the content of a file was changed"},
		{b, []error{in(a, ""), fmt.Errorf("layer %s: %w", a, cstorage.ErrLayerMissing), fmt.Errorf("image %s: %w", b, cstorage.ErrImageDataMissing)},
			"of layer aaaaaaaaaaaa: its directory: file does not exist; its manifest or its configuration is gone"},
		{b, []error{errors.New("no /overlay/short/diff here")}, "no /overlay/short/diff here"},
	} {
		if got := problem(tt.id, tt.errs); tt.want != got {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// What becomes of each finding is told.
func TestRepairTells(t *testing.T) {
	told := map[string]error{}
	bad := errors.New("bad")
	found := []Finding{
		{Kind: Leftover, Object: "l1", mend: func(context.Context) error { return bad }}, {Kind: Leftover, Object: "l2", mend: func(context.Context) error { return nil }},
		{Kind: Image, Object: "i", mend: func(context.Context) error { return nil }}, {Kind: Image, Object: "ro"},
		{Kind: Container, Object: "c", Loses: true, mend: func(context.Context) error { return nil }},
		{Kind: Leftover, Object: "foreign", Foreign: true},
	}
	_ = (&Store{}).Repair(context.Background(), found, Options{Done: func(f Finding, err error) { told[f.Object] = err }})
	if len(told) != 5 || !errors.Is(told["l1"], bad) || !errors.Is(told["l2"], bad) || told["i"] != nil || !errors.Is(told["ro"], ErrNotMended) || !errors.Is(told["c"], ErrNotMended) {
		t.Errorf("%v", told)
	}
	for _, f := range found {
		if f.Remedy(false) == "" || f.mend != nil && !f.Foreign && f.Remedy(false) == f.Remedy(true) {
			t.Errorf("%s: %q, %q", f, f.Remedy(false), f.Remedy(true))
		}
	}
}

// A damaged record is put aside, whichever it is; the rest of the store is left
// as it is.
func TestBroken(t *testing.T) {
	g, _ := fakeGraph(t)
	s := &Store{OpenError: errors.New("no"), Graph: g.root, GraphRun: g.run, Data: t.TempDir()}
	if found := s.broken(); len(found) != 1 || found[0].mend != nil || found[0].Object != g.root {
		t.Errorf("nothing to be seen, but %v", found)
	}
	path := filepath.Join(g.root, "overlay-images/images.json")
	check(t, os.WriteFile(path, []byte("[{"), 0o600))
	found := s.broken()
	if len(found) != 1 || found[0].Object != path || !found[0].Loses {
		t.Fatal(found)
	}
	check(t, found[0].mend(context.Background()))
	if aside, _ := filepath.Glob(path + ".damaged-*"); len(aside) != 1 {
		t.Error("it was not put aside")
	}
}

func TestDirectories(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: mapped root owns the user's directories")
	}
	s := &Store{Data: t.TempDir()}
	check(t, os.Chmod(s.Data, 0o700))
	check(t, os.Mkdir(filepath.Join(s.Data, "names"), 0o700))
	check(t, os.Mkdir(filepath.Join(s.Data, "records"), 0o700))
	check(t, os.Chmod(filepath.Join(s.Data, "records"), 0o777))
	check(t, os.Mkdir(filepath.Join(s.Data, "scratch"), 0o700))
	check(t, os.Chown(filepath.Join(s.Data, "scratch"), 12, 12))
	check(t, os.WriteFile(filepath.Join(s.Data, "trash"), nil, 0o600))
	found, err := s.directories()
	check(t, err)
	if len(found) != 3 {
		t.Fatalf("%v", found)
	}
	check(t, s.Repair(context.Background(), found, Options{}))
	if found, err := s.directories(); err != nil || len(found) > 0 {
		t.Errorf("after the repair: %v, %v", found, err)
	}
}

type someContainers []*Facts

func (all someContainers) List() ([]*Facts, error) { return all, nil }

func (someContainers) Lives(int, string) bool { return false }

// A container that another command removes between the listing and the reading of
// its facts is no damage.
func TestContainerRemovedMeanwhile(t *testing.T) {
	set := storage.Containers{Data: t.TempDir()}
	damaged := func() *Facts {
		d, err := set.Create(storage.Params{Keep: true})
		check(t, err)
		t.Cleanup(func() { d.Lock.Close() })
		return &Facts{Dir: d, Damage: errors.New("no intent"), NeverStarted: true}
	}
	there, gone := damaged(), damaged()
	s := &Store{Data: set.Data, Containers: someContainers{there, gone}}
	seen := *gone.Dir
	check(t, set.Trash(gone.Dir))
	gone.Dir = &seen
	found, err := s.containers()
	check(t, err)
	if len(found) != 1 || found[0].Object != label(there) {
		t.Errorf("found %v", found)
	}
}
