package storage

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotMapped says that an image holds files of an id that the map has no place
// for.
var ErrNotMapped = errors.New("image id is not mapped")

// Shifter makes trees that show layers with other owners.
//
// On disk, image id i is id i of the base user namespace. Most containers see
// the images so. A map that moves image ids (keep-id, auto, nomap, explicit
// ones) would need an idmapped mount, which the kernel refuses to unprivileged
// users for the file systems that hold homes and for overlay (EPERM, EINVAL, up
// to Linux 7.2). So other trees are made, once for each map. There are two kinds:
//
//   - With Redirect, one tree for an image: the names, owners, modes and
//     attributes that overlay would show of all its layers, and for each larger
//     file a reference to its data in a layer, which overlay follows into a
//     data-only lower directory: in user namespaces since Linux 6.16, see
//     [ProbeRedirect], and from the lowest other layer only, hence one tree.
//     Nothing large is copied.
//   - Else a copy of each layer, which all images that have the layer share. Where
//     the file system clones files (btrfs, xfs, bcachefs), it shares their data.
//
// A Shifter runs as mapped root of the base namespace. Copies may take minutes:
// no lock of the image store may be held meanwhile.
type Shifter struct {
	Data string // [Paths.Data]

	// UID and GID say which base id stands for an image id.
	UID, GID func(imageID uint32) (baseID uint32, ok bool)
	// Key is the text of both maps: the same text must mean the same functions.
	Key string
	// Redirect makes trees that refer to the data of the layers.
	Redirect bool

	Workers  int // at once; 0: two
	Progress func(ShiftProgress)
	// Note is told what could not be kept, a sentence each, no sentence twice
	// for one layer.
	Note func(string)
}

// ShiftProgress counts the work on one tree.
type ShiftProgress struct {
	Tree, Trees  int // which of how many, the first is 1
	Files, Bytes int64
}

// Shifted are the trees for an image's layers.
type Shifted struct {
	Layers []string // to be stacked, top first, all in one directory
	// Data are the data-only lower directories that the trees refer to; none when
	// they are copies.
	Data []string
	// Lock keeps [PruneShifted] away: whoever mounts the layers holds it open as
	// long as they are mounted.
	Lock *os.File
}

const (
	shiftedDir = "shifted"
	// redirectMark ends the names of trees that refer to data elsewhere.
	redirectMark = "-r"
)

// shiftTree is one to be made.
type shiftTree struct {
	path   string
	layers []string // that it shows, top first
}

// Shift returns trees for layer directories, top first, and makes those that are
// missing. Errors: [ErrNotMapped].
func (s *Shifter) Shift(ctx context.Context, layersTopFirst []string) (*Shifted, error) {
	if err := os.MkdirAll(s.dir(), 0o700); err != nil {
		return nil, err
	}
	result, trees, err := s.hold(layersTopFirst)
	if err != nil {
		return nil, err
	}
	for i, t := range trees {
		report := func(files, bytes int64) {
			if s.Progress != nil {
				s.Progress(ShiftProgress{i + 1, len(trees), files, bytes})
			}
		}
		if err := s.make(ctx, t, report); err != nil {
			result.Lock.Close()
			return nil, fmt.Errorf("cannot give an image other owners: %w", err)
		}
	}
	return result, nil
}

// Present returns the trees without making any, and false when one is missing.
// It is cheap enough for every launch.
func (s *Shifter) Present(layersTopFirst []string) (*Shifted, bool) {
	result, _, err := s.hold(layersTopFirst)
	if err != nil {
		return nil, false
	}
	for _, made := range result.Layers {
		if unix.Access(made, unix.F_OK) != nil {
			result.Lock.Close()
			return nil, false
		}
	}
	return result, true
}

func (s *Shifter) dir() string { return filepath.Join(s.Data, shiftedDir) }

// hold names the trees, whether they are there or not, and keeps them from being
// pruned.
func (s *Shifter) hold(layersTopFirst []string) (*Shifted, []shiftTree, error) {
	result := &Shifted{}
	real := make([]string, len(layersTopFirst))
	for i, layer := range layersTopFirst {
		real[i] = realPath(layer)
		if data := dataDir(real[i]); s.Redirect && !slices.Contains(result.Data, data) {
			result.Data = append(result.Data, data)
		}
	}
	var trees []shiftTree
	if s.Redirect {
		trees = []shiftTree{{layers: real}}
	} else {
		for i := range real {
			trees = append(trees, shiftTree{layers: real[i : i+1]})
		}
	}
	var names []string
	for i := range trees {
		names = append(names, s.name(trees[i].layers))
		trees[i].path = filepath.Join(s.dir(), names[i])
		result.Layers = append(result.Layers, trees[i].path)
	}
	var err error
	result.Lock, err = lockShifted(s.dir(), names, unix.F_RDLCK)
	return result, trees, err
}

// realPath leads through no link: the store's own paths to layers do.
func realPath(layer string) string {
	if real, err := filepath.EvalSymlinks(layer); err == nil {
		return real
	}
	return layer
}

// name names the tree for layers: the id that the store has for the uppermost,
// without which no image needs it, and a hash of them all and the map. The store
// keeps a layer as <id>/diff, and never changes it.
func (s *Shifter) name(layers []string) string {
	id := filepath.Base(filepath.Dir(layers[0]))
	if !ValidID(id) {
		id = fnvHex(layers[0])
	}
	if s.Redirect {
		return id + "-" + fnvHex(s.Key+"\x00"+strings.Join(layers, "\x00")) + redirectMark
	}
	return id + "-" + fnvHex(s.Key)
}

// fnvHex is 128 bits to tell a user's own maps apart. It need not withstand
// anybody, and costs nothing at start.
func fnvHex(s string) string {
	h := fnv.New128a()
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

// make makes one tree unless it is there. It is made under another name and
// renamed when complete and synced. The lock on that directory is what one
// process works under and others wait for.
func (s *Shifter) make(ctx context.Context, t shiftTree, report func(files, bytes int64)) error {
	made := t.path
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
		again, err := s.locked(ctx, lock, t, staging, report)
		lock.Close()
		if !again {
			return err
		}
	}
}

// locked makes the tree. Again says that the directory which is locked is not,
// or no more, the one to make it in.
func (s *Shifter) locked(ctx context.Context, lock *os.File, t shiftTree, staging string, report func(files, bytes int64)) (again bool, err error) {
	if !sameFile(lock, staging) {
		return true, nil
	}
	leftover, _ := lock.Readdirnames(1)
	if len(leftover) > 0 { // of a process that was killed
		return true, removeTree(ctx, staging)
	}
	c := &copier{shifter: s, report: report, stacked: true, keepMarks: !s.Redirect}
	if s.Redirect {
		for _, layer := range t.layers {
			c.redirects = append(c.redirects, redirectTo(layer))
		}
	}
	err = c.run(ctx, t.layers, staging)
	if err == nil {
		err = unix.Rename(staging, t.path)
	}
	if err != nil {
		_ = removeTree(context.WithoutCancel(ctx), staging)
		return false, err
	}
	return false, syncDir(filepath.Dir(t.path))
}
