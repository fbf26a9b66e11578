package storage

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return -1
	}
	return st.Blocks * 512
}

func TestReserve(t *testing.T) {
	r := Reserve{Data: t.TempDir()}
	must(t, r.Free()) // none is held
	must(t, r.Restore())
	if got := allocated(t, r.path()); got < reserveSize {
		if got == -1 {
			t.Skip("disk " + r.Data + ": there is no room for a reserve, or no fallocate")
		}
		t.Errorf("it holds %d bytes, not %d", got, reserveSize)
	}
	must(t, r.Restore()) // held already
	must(t, r.Free())
	if allocated(t, r.path()) != -1 {
		t.Error("it was not freed")
	}
	must(t, Reserve{Data: filepath.Join(r.Data, "none")}.Restore())
	must(t, Reserve{Data: filepath.Join(r.Data, "none")}.Free())
}

// A reserve must not be what fills a small disk, and never waits in vain for one
// that is full.
func TestReserveOnSmallDisk(t *testing.T) {
	if !inBase(t) {
		return
	}
	dir, err := os.MkdirTemp("", "small")
	must(t, err)
	defer os.RemoveAll(dir)
	for size, want := range map[string]bool{"size=4m": false, "size=64m": true} {
		must(t, unix.Mount("small", dir, "tmpfs", 0, size))
		r := Reserve{Data: dir}
		must(t, r.Restore())
		if got := allocated(t, r.path()) > 0; got != want {
			t.Errorf("%s: a reserve was taken: %v", size, got)
		}
		must(t, unix.Unmount(dir, 0))
	}
}
