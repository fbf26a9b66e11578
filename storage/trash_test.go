package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", path, err)
	}
}

func TestTrash(t *testing.T) {
	c := containers(t)
	d := create(t, c, Params{Name: "web", Keep: true})
	before := d.Path
	if err := c.Trash(&Dir{ID: d.ID, Name: d.Name, Keep: true, Path: d.Path}); !errors.Is(err, ErrRunning) {
		t.Fatalf("a running container was removed: %v", err)
	}
	must(t, c.Trash(d))
	gone(t, before)
	if _, err := c.Lookup("web"); !errors.Is(err, ErrNoContainer) {
		t.Errorf("still found: %v", err)
	}
	again := create(t, c, Params{Name: "web", Keep: true}) // the name is free before anything is deleted
	must(t, c.Reap(context.Background()))
	if _, err := os.Lstat(d.Path); err != nil {
		t.Errorf("reaped under the hands of its owner: %v", err)
	}
	must(t, c.Empty(context.Background(), d))
	gone(t, d.Path)
	if found, err := c.Lookup("web"); err != nil || found.ID != again.ID {
		t.Errorf("%v, %v", found, err)
	}
	again.release()
	must(t, c.Trash(again)) // takes the lock itself
	if err := c.Trash(&Dir{ID: d.ID, Keep: true, Path: before}); !errors.Is(err, ErrNoContainer) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestReapTakesOnlyGarbage(t *testing.T) {
	c := containers(t)
	kept := create(t, c, Params{Keep: true})
	kept.release()
	live := create(t, c, Params{})
	dead := create(t, c, Params{Name: "dead"})
	dead.release()
	garbage := []string{dead.Path, c.nameLink("dead"), c.nameLink("nowhere")}
	for _, name := range []string{keptDir + "/.new-1", scratchDir + "/.new-2", scratchDir + "/.gone-3", keptDir + "/.gone-4", trashDir + "/5", scratchDir + "/odd"} {
		tree(t, filepath.Join(c.Data, name), "upper/f", "x")
		garbage = append(garbage, filepath.Join(c.Data, name))
	}
	victim := tree(t, t.TempDir(), "f", "x")
	for _, name := range []string{trashDir + "/link", scratchDir + "/link", keptDir + "/.gone-link"} {
		must(t, os.Symlink(victim, filepath.Join(c.Data, name)))
		garbage = append(garbage, filepath.Join(c.Data, name))
	}
	must(t, os.WriteFile(filepath.Join(c.Data, scratchDir, "file"), nil, 0o600))
	must(t, os.Symlink("nowhere", c.nameLink("nowhere")))
	must(t, c.Reap(context.Background()))
	for _, path := range garbage {
		gone(t, path)
	}
	for _, path := range []string{kept.Upper(), live.Upper(), c.nameLink(kept.Name), c.nameLink(live.Name), victim + "/f"} {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

// What a sweeper cannot judge it leaves alone.
func TestReapKeepsWhatItCannotJudge(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("unprivileged: nothing is closed to root")
	}
	c := containers(t)
	d := create(t, c, Params{})
	must(t, os.Chmod(filepath.Join(d.Path, lockFile), 0))
	if err := c.Reap(context.Background()); err == nil {
		t.Error("no error")
	}
	if _, err := os.Lstat(d.Upper()); err != nil {
		t.Error(err)
	}
}

// The files of a container belong to subordinate ids, and overlay leaves a
// directory with mode 000: mapped root removes both.
func TestReapAsMappedRoot(t *testing.T) {
	if !inBase(t) {
		return
	}
	c := containers(t)
	layers := stack(t, t.TempDir(), "etc/passwd=root bin/sh=x")
	d := create(t, c, Params{})
	must(t, unix.Mount("overlay", d.Root(), "overlay", 0,
		"userxattr,volatile,lowerdir="+layers[0]+",upperdir="+d.Upper()+",workdir="+d.Work()))
	tree(t, d.Root(), "etc/passwd2", "x", "home/u/f", "x")
	must(t, os.Remove(filepath.Join(d.Root(), "bin/sh"))) // a whiteout
	for id, name := range []string{"home/u/f", "home/u", "home"} {
		must(t, os.Chown(filepath.Join(d.Root(), name), 1000+id, 2000))
		must(t, os.Chmod(filepath.Join(d.Root(), name), 0))
	}
	must(t, unix.Unmount(d.Root(), 0))
	if info, err := os.Lstat(filepath.Join(d.Work(), "work")); err != nil || info.Mode().Perm() != 0 {
		t.Errorf("not what overlay was known to leave: %v, %v", info, err)
	}
	d.release()
	must(t, c.Reap(context.Background()))
	gone(t, d.Path)
	if left, _ := readDir(filepath.Join(c.Data, trashDir)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A full disk must not stand in the way of removing.
func TestRemoveOnFullDisk(t *testing.T) {
	if !inBase(t) {
		return
	}
	disk := t.TempDir()
	must(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m,nr_inodes=200"))
	defer unix.Unmount(disk, unix.MNT_DETACH)
	c := Containers{Data: filepath.Join(disk, "coracle")}
	kept := create(t, c, Params{Name: "kept", Keep: true})
	dead := create(t, c, Params{Name: "dead"})
	dead.release()
	for i := 0; ; i++ {
		err := os.WriteFile(filepath.Join(kept.Upper(), strings.Repeat("x", i+1)), make([]byte, 64<<10), 0o600)
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		must(t, err)
	}
	for i := 0; os.WriteFile(filepath.Join(dead.Upper(), strings.Repeat("y", i+1)), nil, 0o600) == nil; i++ {
	}
	if _, err := c.Create(Params{}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("the disk is not full: %v", err)
	}
	must(t, c.Trash(kept))
	kept.release()
	must(t, c.Reap(context.Background()))
	gone(t, kept.Path)
	gone(t, dead.Path)
	create(t, c, Params{Name: "kept"})
}

func TestDiscardableInPlace(t *testing.T) {
	c := containers(t)
	d := create(t, c, Params{Keep: true})
	tree(t, filepath.Join(c.Data, trashDir, d.ID), "f", "x") // the rename to trash fails
	must(t, c.Trash(d))
	if filepath.Dir(d.Path) != filepath.Join(c.Data, keptDir) {
		t.Errorf("moved to %s", d.Path)
	}
	if all, err := c.List(); len(all) != 0 || err != nil {
		t.Errorf("still listed: %v, %v", all, err)
	}
	d.release()
	must(t, c.Reap(context.Background()))
	gone(t, d.Path)
}
