package storage

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func named(t *testing.T, c Containers, name string, keep bool) *Dir {
	t.Helper()
	d, err := c.Create(Params{Name: name, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.release)
	return d
}

// holds fails unless the names in use are exactly these, by the id they stand for.
func holds(t *testing.T, c Containers, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(c.nameLink(""))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	for name, id := range want {
		if d, err := c.Lookup(name); err != nil || d.ID != id || d.Name != name {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if d, err := c.Lookup(id); err != nil || d.Name != name {
			t.Errorf("%s is called %+v, %v", id[:12], d, err)
		}
	}
	if len(got) != len(want) {
		t.Errorf("names %q", got)
	}
}

func TestRename(t *testing.T) {
	c := Containers{Data: t.TempDir()}
	running, stopped, scratch := named(t, c, "running", true), named(t, c, "stopped", true), named(t, c, "scratch", false)
	stopped.release()
	for _, tt := range []struct {
		d   *Dir
		to  string
		err error
	}{
		{running, "a-much-longer-name-than-before", nil},
		{running, "r", nil},
		{stopped, "s", nil},
		{scratch, "x", nil},
		{scratch, "running", nil}, // free again
		{stopped, "r", ErrNameInUse},
		{stopped, "s", ErrNameInUse},
		{running, "running", ErrNameInUse},
	} {
		if err := c.Rename(tt.d, tt.to); !errors.Is(err, tt.err) {
			t.Errorf("to %q: %v, want %v", tt.to, err, tt.err)
		}
	}
	for _, bad := range []string{"", ".", "a/b", "-x", strings.Repeat("x", 300), "a\nb"} {
		if err := c.Rename(running, bad); err == nil {
			t.Errorf("%q is a name", bad)
		}
	}
	holds(t, c, map[string]string{"r": running.ID, "s": stopped.ID, "running": scratch.ID})
	if alive, err := running.Alive(); err != nil || !alive {
		t.Errorf("the lock was lost: %v, %v", alive, err)
	}
}

// Whoever removes a container frees the name it has now, whatever it was told once.
func TestRenameThenRemove(t *testing.T) {
	c := Containers{Data: t.TempDir()}
	for _, keep := range []bool{true, false} {
		d := named(t, c, "old", keep)
		other, err := c.Lookup("old")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Rename(other, "new"); err != nil {
			t.Fatal(err)
		}
		if err := c.Trash(d); err != nil { // as its supervisor, which knows the old name
			t.Fatal(err)
		}
		holds(t, c, nil)
		if err := c.Rename(other, "late"); !errors.Is(err, ErrNoContainer) {
			t.Errorf("after its removal: %v", err)
		}
		holds(t, c, nil)
	}
}

// A rename that was interrupted has happened, or it has not; what it left is free.
func TestRenameInterrupted(t *testing.T) {
	for _, written := range []bool{false, true} {
		c := Containers{Data: t.TempDir()}
		d, other := named(t, c, "old", true), named(t, c, "other", true)
		if err := unix.Link(d.Path+"/"+lockFile, c.nameLink("new")); err != nil {
			t.Fatal(err)
		}
		name, garbage := "old", "new"
		if written {
			name, garbage = "new", "old"
			// The shorter entry is there, and the end of the longer one behind it.
			if _, err := d.Lock.WriteAt((&Dir{ID: d.ID, Name: name, Keep: true}).entry(), 0); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := c.Lookup(name); err != nil || got.ID != d.ID {
			t.Errorf("written %v: %+v, %v", written, got, err)
		}
		if got, err := c.Lookup(garbage); !errors.Is(err, ErrNoContainer) {
			t.Errorf("written %v: %+v, %v", written, got, err)
		}
		if err := c.Rename(other, garbage); err != nil {
			t.Errorf("written %v: %v", written, err)
		}
		holds(t, c, map[string]string{name: d.ID, garbage: other.ID})
	}
}

func TestRenameDamaged(t *testing.T) {
	c := Containers{Data: t.TempDir()}
	d := named(t, c, "old", true)
	if err := os.WriteFile(d.Path+"/"+lockFile, []byte("v9 what\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Rename(d, "new"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
}

// Several at once: each name is one container's, each container has one, and is
// found at any time.
func TestRenameRaces(t *testing.T) {
	c := Containers{Data: t.TempDir()}
	dirs := make([]*Dir, 4)
	for i := range dirs {
		dirs[i] = named(t, c, fmt.Sprint("first-", i), i%2 == 0)
	}
	var all sync.WaitGroup
	for i, d := range dirs {
		all.Go(func() {
			for n := range 50 {
				d := &Dir{ID: d.ID, Path: d.Path, Keep: d.Keep, Name: d.Name}
				err := c.Rename(d, fmt.Sprint("name-", strings.Repeat("x", (n+i)%5)))
				if err != nil && !errors.Is(err, ErrNameInUse) {
					t.Error(err)
				}
				if _, err := c.Lookup(d.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	want := map[string]string{}
	for _, d := range dirs {
		got, err := c.Lookup(d.ID)
		if err != nil {
			t.Fatal(err)
		}
		want[got.Name] = d.ID
	}
	if len(want) != len(dirs) {
		t.Fatalf("names %v", want)
	}
	holds(t, c, want)
}
