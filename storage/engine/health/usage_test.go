//go:build containers_image_openpgp

package health

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	empty, err := Measure(context.Background(), dir)
	check(t, err)
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i)
	}
	check(t, os.WriteFile(filepath.Join(dir, "f"), data, 0o600))
	check(t, os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "hard")))
	check(t, os.Symlink("/usr", filepath.Join(dir, "soft")))
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	check(t, err)
	check(t, sparse.Truncate(1<<40))
	sparse.Close()
	got, err := Measure(context.Background(), dir)
	if got -= empty; err != nil || got < 1<<20 || got > 1<<20+1<<16 {
		t.Errorf("%d bytes, %v", got, err)
	}
	if got, err := Measure(context.Background(), filepath.Join(dir, "none")); got != 0 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Measure(stopped, dir); err == nil {
		t.Error("it goes on")
	}
}
