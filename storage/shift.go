package storage

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotMapped says that an image holds files of an id that the map has no place
// for.
var ErrNotMapped = errors.New("image id is not mapped")

// Shifter makes copies of layers whose files have other owners.
//
// On disk, image id i is id i of the base user namespace. Most containers see
// the images so. A map that moves image ids (keep-id, auto, nomap, explicit
// ones) would need an idmapped mount, which the kernel refuses to unprivileged
// users for the file systems that hold homes and for overlay (EPERM, EINVAL, up
// to Linux 7.2). So every layer is copied, once for each map, and shared between
// all images that have it. Where the file system clones files (btrfs, xfs,
// bcachefs), the copy shares their data.
//
// A Shifter runs as mapped root of the base namespace. It may take minutes: no
// lock of the image store may be held meanwhile.
type Shifter struct {
	Data string // [Paths.Data]

	// UID and GID say which base id stands for an image id.
	UID, GID func(imageID uint32) (baseID uint32, ok bool)
	// Key is the text of both maps: the same text must mean the same functions.
	Key string

	Workers  int // at once; 0: two
	Progress func(ShiftProgress)
	// Note is told what could not be copied, a sentence each, no sentence twice
	// for one layer.
	Note func(string)
}

// ShiftProgress counts one layer's copy.
type ShiftProgress struct {
	Layer, Layers int // which of how many, the first is 1
	Files, Bytes  int64
}

// Shifted are the copies of an image's layers.
type Shifted struct {
	Layers []string // top first
	// Lock keeps [Shifter.Prune] away: whoever mounts the layers holds it open
	// as long as they are mounted.
	Lock *os.File
}

const shiftedDir = "shifted"

// Shift returns copies of layer directories, top first, and makes those that are
// missing. Errors: [ErrNotMapped].
func (s *Shifter) Shift(ctx context.Context, layersTopFirst []string) (*Shifted, error) {
	all := filepath.Join(s.Data, shiftedDir)
	if err := os.MkdirAll(all, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(all, unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	result := &Shifted{Lock: lock}
	for i, layer := range layersTopFirst {
		made := filepath.Join(all, shiftKey(layer, s.Key))
		report := func(files, bytes int64) {
			if s.Progress != nil {
				s.Progress(ShiftProgress{i + 1, len(layersTopFirst), files, bytes})
			}
		}
		if err := s.layer(ctx, layer, made, report); err != nil {
			lock.Close()
			return nil, fmt.Errorf("cannot copy a layer to other owners: %w", err)
		}
		result.Layers = append(result.Layers, made)
	}
	return result, nil
}

// shiftKey names the copy of a layer: its id in the store, and a hash of the
// map. The store keeps a layer as <id>/diff, and never changes it.
func shiftKey(layer, mapping string) string {
	if real, err := filepath.EvalSymlinks(layer); err == nil {
		layer = real
	}
	id := filepath.Base(filepath.Dir(layer))
	if !ValidID(id) {
		id = fnvHex(layer)
	}
	return id + "-" + fnvHex(mapping)
}

// fnvHex is 128 bits to tell a user's own maps apart. It need not withstand
// anybody, and costs nothing at start.
func fnvHex(s string) string {
	h := fnv.New128a()
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

// layer makes one copy unless it is there. It is made under another name and
// renamed when complete and synced. The lock on that directory is what one
// process works under and others wait for.
func (s *Shifter) layer(ctx context.Context, layer, made string, report func(files, bytes int64)) error {
	staging := filepath.Join(filepath.Dir(made), newPrefix+filepath.Base(made))
	for {
		if _, err := os.Lstat(made); err == nil {
			return nil
		}
		if err := unix.Mkdir(staging, 0o700); err != nil && err != unix.EEXIST {
			return &os.PathError{Op: "mkdir", Path: staging, Err: err}
		}
		lock, err := lockDir(staging, unix.LOCK_EX)
		if errors.Is(err, unix.ENOENT) {
			continue // finished or given up by another process, just now
		}
		if err != nil {
			return err
		}
		again, err := s.locked(ctx, lock, layer, staging, made, report)
		lock.Close()
		if !again {
			return err
		}
	}
}

// locked makes the copy. Again says that the directory which is locked is not,
// or no more, the one to make the copy in.
func (s *Shifter) locked(ctx context.Context, lock *os.File, layer, staging, made string, report func(files, bytes int64)) (again bool, err error) {
	if !sameFile(lock, staging) {
		return true, nil
	}
	leftover, _ := lock.Readdirnames(1)
	if len(leftover) > 0 { // of a process that was killed
		return true, removeTree(ctx, staging)
	}
	c := &copier{shifter: s, report: report}
	err = c.run(ctx, layer, staging)
	if err == nil {
		err = unix.Rename(staging, made)
	}
	if err != nil {
		_ = removeTree(context.WithoutCancel(ctx), staging)
		return false, err
	}
	return false, syncDir(filepath.Dir(made))
}

// Prune removes the copies of layers that keep does not want, by the layer's id
// in the store, and what was left unfinished. While any copy is in use or being
// made it removes nothing and returns [ErrRunning]. It runs as mapped root.
func (s *Shifter) Prune(ctx context.Context, keep func(layerID string) bool) error {
	all := filepath.Join(s.Data, shiftedDir)
	lock, err := lockDir(all, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w: copies of layers are in use", ErrRunning)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	names, err := readDir(all)
	for _, name := range names {
		id, _, _ := strings.Cut(name, "-")
		if !strings.HasPrefix(name, dotPrefix) && keep(id) {
			continue
		}
		path := filepath.Join(all, name)
		hidden := filepath.Join(all, gonePrefix+strings.TrimLeft(name, dotPrefix))
		if unix.Rename(path, hidden) == nil { // never half a copy under its name
			path = hidden
		}
		err = errors.Join(err, removeTree(ctx, path))
	}
	return err
}

// Present returns the copies without making any, and false when one is missing.
// It is cheap enough for every launch.
func (s *Shifter) Present(layersTopFirst []string) (*Shifted, bool) {
	all := filepath.Join(s.Data, shiftedDir)
	lock, err := lockDir(all, unix.LOCK_SH)
	if err != nil {
		return nil, false
	}
	result := &Shifted{Lock: lock}
	for _, layer := range layersTopFirst {
		made := filepath.Join(all, shiftKey(layer, s.Key))
		if unix.Access(made, unix.F_OK) != nil {
			lock.Close()
			return nil, false
		}
		result.Layers = append(result.Layers, made)
	}
	return result, true
}
