package storage

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	empty, err := Measure(context.Background(), dir)
	must(t, err)
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i)
	}
	must(t, os.WriteFile(filepath.Join(dir, "f"), data, 0o600))
	must(t, os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "hard")))
	must(t, os.Symlink("/usr", filepath.Join(dir, "soft")))
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	must(t, err)
	must(t, sparse.Truncate(1<<40))
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

func TestMeasureNames(t *testing.T) {
	dir := t.TempDir()
	measure := func(dir string) int64 {
		t.Helper()
		n, err := Measure(context.Background(), dir)
		must(t, err)
		return n
	}
	empty := measure(dir)
	if err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	one := measure(dir)
	if err := os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "g")); err != nil {
		t.Fatal(err)
	}
	if two := measure(dir); one < empty+64<<10 || two != one {
		t.Errorf("%d, %d, a second name %d", empty, one, two)
	}
	if measure(filepath.Join(dir, "nothing")) != 0 {
		t.Error("what is not there takes no space")
	}
}
