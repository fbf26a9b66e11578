package volume

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func openFor(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestChown(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: gives files to others")
	}
	dir, outside := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "file"), nil, 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "a/b/suid"), nil, 0o600))
	must(t, os.Chown(filepath.Join(dir, "a/b/suid"), 5, 6))
	must(t, os.Chmod(filepath.Join(dir, "a/b/suid"), 0o755|os.ModeSetuid))
	must(t, os.Symlink(outside, filepath.Join(dir, "a/link")))
	must(t, os.Symlink(filepath.Join(outside, "file"), filepath.Join(dir, "a/b/filelink")))
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	must(t, Chown(context.Background(), openFor(t, dir), 5, 6))
	for _, name := range []string{"", "a", "a/b", "a/b/suid", "a/link", "a/b/filelink", "fifo"} {
		owns(t, filepath.Join(dir, name), 5, 6)
	}
	owns(t, outside, 0, 0)
	owns(t, filepath.Join(outside, "file"), 0, 0)
	if fi, _ := os.Stat(filepath.Join(dir, "a/b/suid")); fi.Mode()&os.ModeSetuid == 0 {
		t.Error("a file that had the owner already lost its set-uid bit")
	}
	must(t, Chown(context.Background(), openFor(t, filepath.Join(outside, "file")), 7, 7))
	owns(t, filepath.Join(outside, "file"), 7, 7)
}

func TestChownIsBounded(t *testing.T) {
	dir := t.TempDir()
	deep := strings.Repeat("d/", maxDepth+2)
	must(t, os.MkdirAll(filepath.Join(dir, deep), 0o700))
	me, my := uint32(os.Geteuid()), uint32(os.Getegid())
	want(t, Chown(context.Background(), openFor(t, dir), me, my), errDeep)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	want(t, Chown(ctx, openFor(t, dir), me, my), context.Canceled)
}

func TestChownSaysWhatIsNotYours(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("unprivileged: root may give away everything")
	}
	err := Chown(context.Background(), openFor(t, t.TempDir()), 54321, 54321)
	want(t, err, unix.EPERM)
}
