package storage

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// What Leftovers lists is what the sweeps delete, and it changes nothing.
func TestLeftovers(t *testing.T) {
	c := containers(t)
	kept := create(t, c, Params{Keep: true, Name: "kept"})
	kept.release()
	live := create(t, c, Params{})
	busy := create(t, c, Params{Keep: true})
	dead := create(t, c, Params{Name: "dead"})
	dead.release()
	want := []string{"scratch/" + dead.ID, "names/dead"}
	for _, name := range []string{"containers/.new-1", "containers/.gone-2", "scratch/.new-3", "trash/4", ".probe-4194999-x", ".probe-0-y"} {
		tree(t, filepath.Join(c.Data, name), "upper/f", "x")
		want = append(want, name)
	}
	tree(t, filepath.Join(c.Data, probePrefix+strconv.Itoa(os.Getpid())+"-z"), "f", "x") // somebody is at it
	for _, d := range []*Dir{kept, busy} {
		must(t, os.WriteFile(filepath.Join(d.Path, ".spec.json-12345678"), nil, 0o600))
	}
	want = append(want, "containers/"+kept.ID+"/.spec.json-12345678", "host/.redirect-12345678")
	must(t, WriteHostFact(c.Data, FactRedirect, "key", "yes"))
	must(t, os.WriteFile(filepath.Join(c.Data, "host/.redirect-12345678"), nil, 0o600))

	before := paths(t, c.Data)
	left, err := c.Leftovers()
	must(t, err)
	var got []string
	for _, l := range left {
		if got = append(got, l.Path); l.What == "" {
			t.Errorf("%s: no word on what it is", l.Path)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if after := paths(t, c.Data); !slices.Equal(before, after) {
		t.Errorf("it changed something: %q, %q", before, after)
	}
	must(t, c.Reap(context.Background()))
	must(t, c.ReapFacts(context.Background()))
	for _, path := range want {
		gone(t, filepath.Join(c.Data, path))
	}
	if left, err := c.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("after the sweep: %v, %v", left, err)
	}
	for _, path := range []string{kept.Upper(), live.Upper(), filepath.Join(busy.Path, ".spec.json-12345678")} {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

// While a container is being made nothing that looks unfinished is garbage.
func TestLeftoversWhileMaking(t *testing.T) {
	c := containers(t)
	must(t, c.makeParents())
	tree(t, filepath.Join(c.Data, "containers/.new-1"), "upper/f", "x")
	making, err := lockDir(filepath.Join(c.Data, keptDir), unix.LOCK_SH)
	must(t, err)
	if left, err := c.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	making.Close()
	if left, err := c.Leftovers(); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestLeftShifted(t *testing.T) {
	data := t.TempDir()
	here, away := fnvHex("here")+fnvHex("x"), fnvHex("away")+fnvHex("x")
	for _, name := range []string{here + "-m", away + "-m", newPrefix + here + "-n", newPrefix + here + "-busy", gonePrefix + here} {
		tree(t, filepath.Join(data, shiftedDir, name), "f", "x")
	}
	must(t, os.WriteFile(filepath.Join(data, shiftedDir, shiftedLock), nil, 0o600))
	busy, err := lockDir(filepath.Join(data, shiftedDir, newPrefix+here+"-busy"), unix.LOCK_EX)
	must(t, err)
	defer busy.Close()
	left, err := LeftShifted(data, func(id string) bool { return id == here })
	must(t, err)
	var got []string
	for _, l := range left {
		got = append(got, filepath.Base(l.Path))
	}
	slices.Sort(got)
	want := []string{gonePrefix + here, newPrefix + here + "-n", away + "-m"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func paths(t *testing.T, dir string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}))
	return all
}
