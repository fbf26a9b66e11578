//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"coracle/storage"

	"golang.org/x/sys/unix"
)

// incoming is the directory for blobs on their way in, [record.Request.Scratch].
func (s *Store) incoming() string { return filepath.Join(s.Data, "incoming") }

// DeleteImage is containers/storage's, made fit for a full disk and for kill -9.
//
// The library writes images.json anew, without the image, then layers.json for
// each layer. Both are written beside the old file and need space: the reserve is
// given back first. Whoever is killed in between leaves layers that no image
// uses: they are written down before, as a pull's are, and the next engine
// removes them.
func (s *Store) DeleteImage(id string, commit bool) (layers []string, err error) {
	if !commit || s.Data == "" {
		return s.Store.DeleteImage(id, commit)
	}
	space := storage.Reserve{Data: s.Data}
	_ = space.Free() // if that fails there may be space all the same
	defer func() { _ = space.Restore() }()
	// A layer that a killed removal left would keep those below it from going.
	_ = s.SweepIncoming()
	layers, err = s.Store.DeleteImage(id, false)
	if err != nil {
		return nil, err
	}
	if full(s.GraphRoot()) {
		s.emptyLayers(layers)
	}
	defer s.writeDown(layers)()
	defer s.dropShifted(layers)()
	return s.Store.DeleteImage(id, true)
}

// dropShifted removes the trees that show layers with other owners while the
// layers themselves are removed: each is as many files again, and one after the
// other took twice the time. They are made anew should the layers stay after all;
// what fails is left for a prune to report. done waits for the end.
func (s *Store) dropShifted(layers []string) (done func()) {
	var one sync.WaitGroup
	one.Go(func() {
		_ = storage.PruneShifted(context.Background(), s.Data, func(id string) bool { return !slices.Contains(layers, id) })
	})
	return one.Wait
}

// DeleteLayer is containers/storage's, made fit for a full disk.
func (s *Store) DeleteLayer(id string) error {
	if s.Data == "" {
		return s.Store.DeleteLayer(id)
	}
	space := storage.Reserve{Data: s.Data}
	_ = space.Free()
	defer func() { _ = space.Restore() }()
	return s.Store.DeleteLayer(id)
}

// writeDown notes layers that are garbage unless some image uses them, as a pull
// does with those that it makes, until done is called. Pulls that want one of
// them wait meanwhile. On a disk too full for that it is left out.
func (s *Store) writeDown(layers []string) (done func()) {
	notes := &scratch{root: s.incoming()}
	if err := os.MkdirAll(filepath.Dir(notes.holdPath("")), 0o700); err != nil {
		return func() {}
	}
	var holds []*hold
	for _, id := range layers {
		if h, err := notes.try(notes.holdPath(id), id, true); h != nil && err == nil {
			holds = append(holds, h)
		}
	}
	_ = notes.syncHolds()
	return func() { notes.keep(holds) }
}

// leastSpace is what rewriting the store's records may take, in bytes.
const leastSpace = 256 << 10

// full tells that not even the records could be written anew.
func full(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Bavail*uint64(fs.Bsize) < leastSpace
}

// emptyLayers makes room on a disk that is full although no reserve is left,
// or none was ever taken: the content of layers whose image is about to go goes
// first. Unlinking needs no space.
func (s *Store) emptyLayers(layers []string) {
	for _, id := range layers {
		diff := filepath.Join(s.GraphRoot(), s.GraphDriverName(), id, "diff")
		names, err := os.ReadDir(diff)
		if err != nil {
			continue
		}
		for _, name := range names {
			_ = storage.RemoveTree(context.Background(), filepath.Join(diff, name.Name()))
		}
	}
}

// SweepIncoming removes what killed engines left: their downloads, half-unpacked
// layers, and layers that no image came to use, or that no image uses any more.
func (s *Store) SweepIncoming() error {
	if s.Data == "" {
		return nil
	}
	gate, err := lockFile(filepath.Join(s.incoming(), "sweep.lock"), unix.LOCK_EX)
	if errors.Is(err, os.ErrNotExist) {
		return nil // nothing was ever fetched
	}
	if err != nil {
		return err
	}
	defer gate.Close()
	(&scratch{root: s.incoming()}).sweep(s.Store)
	return nil
}

// LeftIncoming lists what SweepIncoming would remove, relative to Data.
func (s *Store) LeftIncoming() ([]storage.Leftover, error) {
	gate, err := lockFile(filepath.Join(s.incoming(), "sweep.lock"), unix.LOCK_SH)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer gate.Close() // until then no directory is without its lock
	var all []storage.Leftover
	dirs, err := filepath.Glob(filepath.Join(s.incoming(), "pull-*"))
	for _, dir := range dirs {
		lock, err := os.Open(filepath.Join(dir, "lock"))
		if err == nil {
			err = unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB)
			lock.Close()
		}
		if err == nil || errors.Is(err, os.ErrNotExist) {
			all = append(all, storage.Leftover{Path: filepath.Join("incoming", filepath.Base(dir)), What: "download that was interrupted"})
		}
	}
	holds, _ := filepath.Glob(filepath.Join(s.incoming(), "layers", "*"))
	for _, path := range holds {
		if !held(path) {
			// A hold's file is there a moment before its lock: look again.
			if time.Sleep(poll); !held(path) {
				all = append(all, storage.Leftover{Path: filepath.Join("incoming", "layers", filepath.Base(path)), What: "layer of a pull or removal that was interrupted"})
			}
		}
	}
	return all, err
}

// held tells that somebody has a hold's file locked, or that it is gone.
func held(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return true
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: unix.SEEK_SET}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock) != nil || lock.Type != unix.F_UNLCK
}
