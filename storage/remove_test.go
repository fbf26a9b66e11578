package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRemoveTree(t *testing.T) {
	outside := tree(t, t.TempDir(), "f", "x", "d/g", "x")
	dir := filepath.Join(t.TempDir(), "dir")
	tree(t, dir, "a/b/c/f", "x", "a/l", "-> "+outside, "a/b/l", "-> ../../..", "top", "-> /", "e/", "")
	for i := range 2500 { // several reads of one directory
		must(t, os.WriteFile(filepath.Join(dir, "a", fmt.Sprint(i)), nil, 0o600))
		if i < 100 {
			must(t, os.Mkdir(filepath.Join(dir, fmt.Sprint("d", i)), 0))
		}
	}
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0))
	must(t, os.Chmod(filepath.Join(dir, "a/b/c"), 0))
	must(t, os.Chmod(filepath.Join(dir, "a/b"), 0o500))
	must(t, removeTree(context.Background(), dir))
	gone(t, dir)
	for _, name := range []string{"f", "d/g"} {
		if _, err := os.Lstat(filepath.Join(outside, name)); err != nil {
			t.Errorf("a link was followed: %v", err)
		}
	}
	must(t, removeTree(context.Background(), dir))                       // nothing there
	must(t, removeTree(context.Background(), filepath.Join(dir, "a/b"))) // not even its parent
	must(t, os.Symlink(outside, dir))
	must(t, removeTree(context.Background(), dir)) // a link itself
	gone(t, dir)
	if _, err := os.Lstat(outside); err != nil {
		t.Error(err)
	}
}

// mkdir -p as deep as the disk allows: no path is long enough to name the end.
func TestRemoveDeepTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep")
	must(t, os.Mkdir(dir, 0o755))
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	name := strings.Repeat("d", 100)
	for range 3000 {
		must(t, unix.Mkdirat(fd, name, 0o755))
		must(t, unix.Mkdirat(fd, "side", 0o755))
		next, err := unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(t, err)
		unix.Close(fd)
		fd = next
	}
	file, err := unix.Openat(fd, "f", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	must(t, err)
	unix.Close(file)
	unix.Close(fd)
	var old, low unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	low = old
	low.Cur = 200
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	must(t, removeTree(context.Background(), dir))
	gone(t, dir)
}

// Mounts below, also bind mounts of the same file system, are not entered, and
// what lies beside them goes all the same.
func TestRemoveStopsAtMounts(t *testing.T) {
	if !inBase(t) {
		return
	}
	outside := tree(t, filepath.Join(t.TempDir(), "outside"), "f", "x")
	dir := filepath.Join(t.TempDir(), "dir")
	tree(t, dir, "a/bind/", "", "a/x/f", "x", "tmp/", "", "b/f", "x")
	must(t, unix.Mount(outside, filepath.Join(dir, "a/bind"), "", unix.MS_BIND, ""))
	must(t, unix.Mount("tmpfs", filepath.Join(dir, "tmp"), "tmpfs", 0, ""))
	tree(t, filepath.Join(dir, "tmp"), "f", "x")
	if err := removeTree(context.Background(), dir); err == nil {
		t.Error("no error")
	}
	left := func() {
		t.Helper()
		for _, name := range []string{filepath.Join(outside, "f"), filepath.Join(dir, "tmp/f")} {
			if _, err := os.Lstat(name); err != nil {
				t.Errorf("went into a mount: %v", err)
			}
		}
	}
	left()
	gone(t, filepath.Join(dir, "a/x"))
	gone(t, filepath.Join(dir, "b"))
	must(t, unix.Unmount(filepath.Join(dir, "a/bind"), 0))
	if err := removeTree(context.Background(), filepath.Join(dir, "tmp")); !errors.Is(err, unix.EBUSY) {
		t.Errorf("removing a mount itself: %v", err)
	}
	left()
	must(t, unix.Unmount(filepath.Join(dir, "tmp"), 0))
	must(t, removeTree(context.Background(), dir))
}

func TestRemoveCancelled(t *testing.T) {
	dir := tree(t, filepath.Join(t.TempDir(), "dir"), "a/b", "x")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := removeTree(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	must(t, removeTree(context.Background(), dir))
}
