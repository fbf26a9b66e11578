package containerfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sinkFunc is a sink that looks at headers only.
type sinkFunc func(h *tar.Header)

func (f sinkFunc) Add(h *tar.Header, _ io.Reader) error { f(h); return nil }

func walkAll(t *testing.T, tree Tree, dir, name string) map[string]tar.Header {
	t.Helper()
	found := map[string]tar.Header{}
	tree.Sink = sinkFunc(func(h *tar.Header) { found[h.Name] = *h })
	check(t, tree.Walk(context.Background(), rootAt(t, dir).FD, name))
	return found
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "d/f=text", "l>d/f", "p|", "w!", "s=x")
	check(t, os.Link(filepath.Join(dir, "d/f"), filepath.Join(dir, "h")))
	check(t, unix.Chmod(filepath.Join(dir, "s"), 0o4751))
	at := time.Unix(1_000_000_000, 500)
	check(t, os.Chtimes(filepath.Join(dir, "s"), at, at))
	check(t, unix.Setxattr(filepath.Join(dir, "s"), "user.mine", []byte("v"), 0))
	found := walkAll(t, Tree{Owners: mine()}, dir, "top")
	for name, want := range map[string]byte{
		"top": tar.TypeDir, "top/d": tar.TypeDir, "top/d/f": tar.TypeReg, "top/h": tar.TypeLink, "top/l": tar.TypeSymlink, "top/p": tar.TypeFifo, "top/w": tar.TypeChar, "top/s": tar.TypeReg,
	} {
		if found[name].Typeflag != want {
			t.Errorf("%s is %q", name, found[name].Typeflag)
		}
	}
	if h := found["top/h"]; h.Linkname != "top/d/f" || h.Size != 0 {
		t.Errorf("hard link: %q, %d bytes", h.Linkname, h.Size)
	}
	s := found["top/s"]
	if s.Mode != 0o4751 || !s.ModTime.Equal(at) || s.Uid != 0 || s.Gid != 0 || s.PAXRecords[paxXattr+"user.mine"] != "v" {
		t.Errorf("%+v", s)
	}
	if _, there := walkAll(t, Tree{}, dir, "")[""]; there {
		t.Error("without a name the top is in it")
	}
}

func TestTreeRestoresOwners(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "squashed=x")
	check(t, unix.Setxattr(filepath.Join(dir, "squashed"), OwnerAttr, []byte("172761424:7"), 0))
	for restore, want := range map[bool][2]int{true: {172761424, 7}, false: {0, 0}} {
		h := walkAll(t, Tree{Owners: mine(), Restore: restore}, dir, "")["squashed"]
		if h.Uid != want[0] || h.Gid != want[1] || len(h.PAXRecords) != 0 {
			t.Errorf("restore %v: %d:%d %v", restore, h.Uid, h.Gid, h.PAXRecords)
		}
	}
}

func TestTreeBounds(t *testing.T) {
	dir := t.TempDir()
	// Deeper than a path may be long: made and removed step by step.
	at, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	check(t, err)
	name := strings.Repeat("x", 250)
	for range maxName/250 + 2 {
		check(t, unix.Mkdirat(at, name, 0o700))
		next, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		check(t, err)
		unix.Close(at)
		at = next
	}
	unix.Close(at)
	tree := Tree{Sink: sinkFunc(func(*tar.Header) {})}
	if err := tree.Walk(context.Background(), rootAt(t, dir).FD, ""); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("an endless tree: %v", err)
	}
	if err := ExportVolume(context.Background(), rootAt(t, dir).FD, io.Discard, nil); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("an endless volume: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tree.Walk(ctx, rootAt(t, dir).FD, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	check(t, removeAll(unix.AT_FDCWD, filepath.Join(dir, name)))
}

func TestOneMount(t *testing.T) {
	found := map[string]bool{}
	tree := Tree{OneMount: true, Sink: sinkFunc(func(h *tar.Header) { found[h.Name] = true })}
	fd, err := unix.Open("/dev", unix.O_PATH|unix.O_DIRECTORY, 0)
	check(t, err)
	defer unix.Close(fd)
	if err := tree.Walk(context.Background(), fd, ""); err != nil {
		t.Fatal(err)
	}
	if !found["null"] || found["pts/ptmx"] {
		t.Errorf("null %v, pts/ptmx %v: pts is another mount", found["null"], found["pts/ptmx"])
	}
}

func TestArchiveOfAChangingFile(t *testing.T) {
	for content, want := range map[string]string{"abc": "abc\x00\x00", "abcdefgh": "abcde", "": "\x00\x00\x00\x00\x00"} {
		var b bytes.Buffer
		a, changed := NewArchive(&b), ""
		a.Changed = func(name string) { changed = name }
		check(t, a.Add(&tar.Header{Name: "f", Typeflag: tar.TypeReg, Size: 5}, strings.NewReader(content)))
		check(t, a.Add(&tar.Header{Name: "d", Typeflag: tar.TypeDir}, nil))
		check(t, a.Close())
		r := tar.NewReader(&b)
		_, err := r.Next()
		check(t, err)
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want || (changed == "f") != (len(content) < 5) {
			t.Errorf("%q: %q, %v, said %q", content, got, err, changed)
		}
		if h, err := r.Next(); err != nil || h.Name != "d/" {
			t.Errorf("the directory is %v, %v", h, err)
		}
	}
}
