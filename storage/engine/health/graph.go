//go:build containers_image_openpgp

package health

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coracle/storage"

	"go.podman.io/storage/pkg/lockfile"
)

// graph is the image store as a directory. What containers/storage leaves behind
// when it is killed it cleans up by itself in part: layers that are marked as
// incomplete, temporary directories, staging directories, all at the next start
// of whoever uses the store. The rest is found here:
//
//   - .tmp-*, records that were being written (ioutils.AtomicFileWriter);
//   - links in overlay/l whose layer was not, or not completely, made;
//   - links in overlay/l that are missing: containers/storage removes all of them
//     with a layer whose own link was not written yet;
//   - directories of layers and of images that no record names (a record that a
//     power cut took back, or an image whose record went first).
//
// A record is written under the lock of its file. So whoever holds the lock knows
// that no one is at it, and that what the record does not name is garbage.
type graph struct {
	root, run, driver string
	imageStore        string // where layers of images are, when not in root
}

// entry is what the garbage collector must know of a record of layers.json or
// images.json.
type entry struct {
	ID    string   `json:"id"`
	Items []string `json:"big-data-names"` // of an image, of a layer
}

// room is one directory of records: the lock, the records, and what is garbage.
type room struct {
	lock    string
	records []string
	strays  func(known map[string]entry) ([]stray, error)
}

// stray is a path that no record names, or, with a target, a link that is not there.
type stray struct{ path, what, target string }

func (g graph) rooms() []room {
	layers, images := filepath.Join(g.root, g.driver+"-layers"), filepath.Join(g.root, g.driver+"-images")
	containers, mounts := filepath.Join(g.root, g.driver+"-containers"), filepath.Join(g.run, g.driver+"-layers")
	records := []string{
		filepath.Join(layers, "layers.json"), filepath.Join(layers, "volatile-layers.json"),
		filepath.Join(mounts, "volatile-layers.json"), // transient stores
	}
	if g.imageStore != "" {
		records = append(records, filepath.Join(g.imageStore, g.driver+"-layers", "layers.json"))
	}
	return []room{
		{filepath.Join(layers, "layers.lock"), records, g.layerStrays},
		{filepath.Join(images, "images.lock"), []string{filepath.Join(images, "images.json")}, g.imageStrays},
		{filepath.Join(containers, "containers.lock"), nil, temporary(containers)},
		{filepath.Join(mounts, "mountpoints.lock"), nil, temporary(mounts)},
	}
}

// strays lists the garbage of the store; with remove it is removed, too.
func (g graph) strays(ctx context.Context, remove bool) (all []stray, err error) {
	for _, r := range g.rooms() {
		found, e := g.room(ctx, r, remove)
		all, err = append(all, found...), errors.Join(err, e)
	}
	return all, err
}

func (g graph) room(ctx context.Context, r room, remove bool) ([]stray, error) {
	if _, err := os.Stat(filepath.Dir(r.lock)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lock, err := lockfile.GetLockFile(r.lock)
	if err != nil {
		return nil, err
	}
	lock.Lock()
	found, err := g.underLock(r, remove)
	lock.Unlock()
	if remove {
		err = errors.Join(err, g.emptyBin(ctx))
	}
	return found, err
}

func (g graph) underLock(r room, remove bool) ([]stray, error) {
	known, err := readRecords(r.records)
	if err != nil {
		return nil, err // not knowing is no reason to call anything garbage
	}
	found, err := r.strays(known)
	for _, s := range found {
		switch {
		case remove && s.target != "":
			err = errors.Join(err, os.MkdirAll(filepath.Dir(s.path), 0o755), os.Symlink(s.target, s.path))
		case remove:
			err = errors.Join(err, g.discard(s.path))
		}
	}
	return found, err
}

func readRecords(paths []string) (map[string]entry, error) {
	known := map[string]entry{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
			continue
		}
		var list []entry
		if err == nil {
			err = json.Unmarshal(data, &list)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", path, err)
		}
		for _, e := range list {
			known[e.ID] = e
		}
	}
	return known, nil
}

// bin is a directory that containers/storage takes for one of its own that a
// killed process left (internal/tempdir), and removes, should we be killed.
func (g graph) bin() string {
	return filepath.Join(g.root, g.driver, "tempdirs", fmt.Sprintf("temp-dir-coracle-%d", os.Getpid()))
}

// discard takes something out of the store. Large trees are deleted later, when
// the lock is free again.
func (g graph) discard(path string) error {
	if err := os.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(g.bin(), 0o700); err != nil {
		return storage.RemoveTree(context.Background(), path) // a full disk
	}
	if err := os.Rename(path, filepath.Join(g.bin(), filepath.Base(path))); err != nil {
		// The driver mounts its directory on itself: what lies beside it is small.
		return storage.RemoveTree(context.Background(), path)
	}
	return nil
}

func (g graph) emptyBin(ctx context.Context) error { return storage.RemoveTree(ctx, g.bin()) }

const temporaryPrefix = ".tmp-"

// temporary finds records that were being written.
func temporary(dir string) func(map[string]entry) ([]stray, error) {
	return func(map[string]entry) (all []stray, err error) {
		names, err := list(dir)
		for _, name := range names {
			if strings.HasPrefix(name, temporaryPrefix) {
				all = append(all, stray{path: filepath.Join(dir, name), what: "unfinished record"})
			}
		}
		return all, err
	}
}

// list names what is in a directory; one that is not there is empty.
func list(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// itemFiles are the names that a data item's file can have (makeBigDataBaseName in
// containers/storage encodes what it takes for unfit, but not always).
func itemFiles(key string) []string {
	return []string{key, "=" + base64.StdEncoding.EncodeToString([]byte(key))}
}
