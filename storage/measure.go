package storage

import (
	"context"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Measure is what a tree takes on disk, in bytes: allocated blocks, hard links
// once. It follows no link, and what goes away meanwhile is no error.
func Measure(ctx context.Context, dir string) (size int64, err error) {
	type inode struct{ dev, ino uint64 }
	seen := map[inode]bool{}
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		if st.Nlink > 1 && !e.IsDir() {
			key := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // the type differs between architectures
			if seen[key] {
				return nil
			}
			seen[key] = true
		}
		size += st.Blocks * 512
		return nil
	})
	return size, err
}
