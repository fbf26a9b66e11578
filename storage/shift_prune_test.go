package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// What was left unfinished goes, what is being made stays; a tree that somebody
// waits for is there or is not, never half.
func TestPruneShifted(t *testing.T) {
	if !inBase(t) {
		return
	}
	ctx := context.Background()
	data := t.TempDir()
	must(t, PruneShifted(ctx, data, func(string) bool { return false })) // nothing there at all
	layers := storeLayers(t, 2)
	tree(t, layers[0], "a/b", "x")
	tree(t, layers[1], "c", "x")
	s := shifter(data)
	done, err := s.Shift(ctx, layers)
	must(t, err)
	for _, redirect := range []bool{false, true} {
		s.Redirect = redirect
		held, err := s.Shift(ctx, layers)
		must(t, err)
		must(t, held.Lock.Close())
		if held, ok := s.Present(layers); !ok {
			t.Errorf("redirect %v: made, and not there", redirect)
		} else {
			must(t, held.Lock.Close())
		}
	}
	all := s.dir()
	tree(t, all, newPrefix+"dead/f", "x", newPrefix+"live/f", "x", gonePrefix+"old/f", "x")
	working, err := lockDir(filepath.Join(all, newPrefix+"live"), unix.LOCK_EX)
	must(t, err)
	// A reader of one of the two copies: that alone stays.
	must(t, done.Lock.Close())
	s.Redirect = false
	held, ok := s.Present(layers[1:])
	if !ok {
		t.Fatal("not there")
	}
	must(t, PruneShifted(ctx, data, func(string) bool { return false }))
	left, err := readDir(all)
	must(t, err)
	slices.Sort(left)
	if want := []string{newPrefix + "live", filepath.Base(held.Layers[0]), shiftedLock}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	must(t, held.Lock.Close())
	must(t, working.Close())
	must(t, PruneShifted(ctx, data, func(string) bool { return false }))
	if left, err := readDir(all); err != nil || len(left) != 1 {
		t.Errorf("left %q, %v", left, err)
	}

	// Pruned and made again and again: whoever has it, has all of it.
	done2 := make(chan error, 1)
	go func() {
		var err error
		for range 15 {
			err = errors.Join(err, PruneShifted(ctx, data, func(string) bool { return false }))
		}
		done2 <- err
	}()
	for range 15 {
		held, err := s.Shift(ctx, layers)
		must(t, err)
		for i, name := range []string{"a/b", "c"} {
			if data, err := os.ReadFile(filepath.Join(held.Layers[i], name)); string(data) != "x" {
				t.Fatalf("%s: %q, %v", name, data, err)
			}
		}
		must(t, held.Lock.Close())
	}
	must(t, <-done2)
}
