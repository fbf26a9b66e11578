package chunked

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// How the store is searched: so many files of the table are looked for in every
// layer, and all of them in the layers that have most of these.
const (
	samples = 48
	layers  = 4
)

// Local is content that lies in directories of the store.
type Local struct {
	roots []*os.Root
	from  []int // index of a root for each file, -1 for none
	// Bytes is how much of the blob need not come.
	Bytes int64
}

// FindLocal looks for files of the same path and size, and compares their digests.
// dirs are layers' directories. What it finds may change or go away meanwhile: who
// verifies the whole finds out.
func (t *Table) FindLocal(ctx context.Context, dirs []string) (*Local, error) {
	l := &Local{from: make([]int, len(t.Files))}
	for i := range l.from {
		l.from[i] = -1
	}
	for _, dir := range t.like(dirs) {
		if root, err := os.OpenRoot(dir); err == nil {
			l.roots = append(l.roots, root)
		}
	}
	for i, f := range t.Files {
		for r, root := range l.roots {
			if ctx.Err() != nil {
				l.Close()
				return nil, context.Cause(ctx)
			}
			if same(root, f) {
				l.from[i] = r
				l.Bytes += f.Len()
				break
			}
		}
	}
	return l, nil
}

// like are the directories that have most in common with the table.
func (t *Table) like(dirs []string) (best []string) {
	hits := make(map[string]int)
	step := max(1, len(t.Files)/samples)
	for _, dir := range dirs {
		root, err := os.OpenRoot(dir)
		if err != nil {
			continue
		}
		for i := 0; i < len(t.Files); i += step {
			if info, err := root.Lstat(t.Files[i].Name); err == nil && info.Mode().IsRegular() && info.Size() == t.Files[i].Size {
				hits[dir]++
			}
		}
		root.Close()
	}
	for len(best) < layers {
		top := ""
		for _, dir := range dirs {
			if hits[dir] > hits[top] {
				top = dir
			}
		}
		if top == "" {
			break
		}
		best = append(best, top)
		delete(hits, top)
	}
	return best
}

// open opens a regular file of a size; a FIFO does not hold it up.
func open(root *os.Root, f File) (*os.File, error) {
	file, err := root.OpenFile(f.Name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		file.Close()
		return nil, fmt.Errorf("%s is not what it was (%w)", f.Name, os.ErrNotExist)
	}
	return file, nil
}

func same(root *os.Root, f File) bool {
	if info, err := root.Lstat(f.Name); err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return false
	}
	file, err := open(root, f)
	if err != nil {
		return false
	}
	defer file.Close()
	sum := f.Digest.Algorithm().Digester()
	_, err = io.Copy(sum.Hash(), file)
	return err == nil && sum.Digest() == f.Digest
}

// Has tells whether file i was found.
func (l *Local) Has(i int) bool { return l.from[i] >= 0 }

// Open opens it; nil if it was not found.
func (l *Local) Open(t *Table, i int) (io.ReadCloser, error) {
	if !l.Has(i) {
		return nil, nil
	}
	return open(l.roots[l.from[i]], t.Files[i])
}

// Close closes the directories.
func (l *Local) Close() {
	for _, r := range l.roots {
		r.Close()
	}
}
