package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"coracle/launcher/containers"
	"coracle/storage"
)

// SizesName is the argv[0] under which the program measures directories that only
// mapped root may read.
const SizesName = "coracle-sizes"

// Sizes tells how many bytes the changes of each container take, by id. It takes
// as long as reading the directories does.
func (c *Containers) Sizes(ctx context.Context, list []*containers.Container) (map[string]int64, error) {
	l := &launch{grant: c.grant, paths: storage.Paths{Run: c.run, Data: c.Data}}
	dirs := make(map[string]string)
	for _, x := range list {
		dirs[x.ID] = x.Upper()
	}
	sizes := make(map[string]int64)
	if c.Inside || l.insideUnshare() == nil && l.shell != nil {
		for id, dir := range dirs {
			sizes[id] = measure(dir)
		}
		return sizes, nil
	}
	request, err := json.Marshal(dirs)
	if err != nil {
		return nil, err
	}
	answer, err := l.inquire(ctx, SizesName, request)
	if err == nil {
		err = json.Unmarshal(answer, &sizes)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot measure containers: %w", err)
	}
	return sizes, nil
}

// SizesMain is the main function of [SizesName].
func SizesMain() int {
	return helperMain(func(context.Context) error {
		dirs, sizes := make(map[string]string), make(map[string]int64)
		if err := json.NewDecoder(os.Stdin).Decode(&dirs); err != nil {
			return fmt.Errorf("cannot read the request: %w", err)
		}
		for id, dir := range dirs {
			sizes[id] = measure(dir)
		}
		answer, err := json.Marshal(sizes)
		return errors.Join(err, conn{os.NewFile(3, "control")}.send(msgOutput, answer))
	})
}

// measure is how many bytes a tree takes on disk, a file of several names once.
// What goes meanwhile does not count.
func measure(dir string) (size int64) {
	type inode struct{ dev, ino uint64 }
	seen := make(map[inode]bool)
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
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
	return size
}
