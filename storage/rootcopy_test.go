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

// A copy of several layers is what overlay shows of them.
func TestCopyRootEqualsOverlay(t *testing.T) {
	if !inBase(t) {
		return
	}
	layers := storeLayers(t, 3)
	everyKind(t, layers)
	// What a container inside of a container deleted (overlayfs.rst, "Nesting").
	nested := filepath.Join(layers[0], "a")
	must(t, os.MkdirAll(nested, 0o755))
	must(t, os.WriteFile(nested+"/same", nil, 0o644))
	must(t, unix.Setxattr(nested+"/same", "user.overlay.whiteout", []byte("y"), 0))
	must(t, unix.Setxattr(nested, "user.overlay.opaque", []byte("x"), 0))
	identity := func(id uint32) (uint32, bool) { return id, true }
	s := &Shifter{Data: t.TempDir(), UID: identity, GID: identity, Key: "identity"}
	s.Note = func(text string) { t.Errorf("left out: %s", text) }
	dest := t.TempDir()
	must(t, s.CopyRoot(context.Background(), layers, dest, false))
	got := describe(t, dest)
	want := describe(t, mountShifted(t, s, layers))
	// Kernels before 6.7 know no such whiteouts.
	if _, err := os.Lstat(dest + "/a/same"); !os.IsNotExist(err) {
		t.Errorf("deleted in a nested container, and there: %v", err)
	}
	same(t, "overlay (copied) and copy (redirected)", want, got)
	if len(got) < 40 {
		t.Errorf("only %d files", len(got))
	}
	if to := attr(t, dest+"/esc", "user.overlay.redirect"); to != "/etc/conf" {
		t.Errorf("an attribute of the image's own: %q", to)
	}

	s.UID, s.GID = keepID, keepID
	moved := t.TempDir()
	must(t, s.CopyRoot(context.Background(), layers, moved, true))
	var st unix.Stat_t
	must(t, unix.Stat(moved+"/home/u", &st))
	if st.Uid != 0 || st.Gid != 1001 && st.Gid != 1002 {
		t.Errorf("%d:%d", st.Uid, st.Gid)
	}
	must(t, os.Lchown(filepath.Join(layers[2], "empty"), 61000, 0))
	if err := s.CopyRoot(context.Background(), layers, t.TempDir(), false); !errors.Is(err, ErrNotMapped) || !strings.Contains(err.Error(), "empty") {
		t.Errorf("%v", err)
	}
}
