//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coracle/storage/record"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"
)

// A scratch is this run's directory for blobs on their way in. Its lock says
// that its owner lives: the kernel drops it with the process, however that
// ends, and the next engine sweeps what nobody holds.
//
//	<scratch>/pull-XXXX/lock     held (flock) by the owner
//	<scratch>/pull-XXXX/layers   ids of the layers its commit may leave without an image
//	<scratch>/commit.lock        held while layers are added to the store
//	<scratch>/sweep.lock         held while directories are swept and made
type scratch struct {
	root string // what all engines of this user share
	dir  string // ours
	lock *os.File
}

// newScratch sweeps and makes a directory.
func newScratch(root string, store storage.Store) (*scratch, error) {
	if !filepath.IsAbs(root) {
		return nil, failf(record.ErrUsage, "the request names no absolute scratch directory but %q", root)
	}
	s := &scratch{root: root}
	if err := s.make(store); err != nil {
		return nil, fmt.Errorf("cannot make a directory for the download: %w", err)
	}
	return s, nil
}

func (s *scratch) make(store storage.Store) error {
	if err := os.MkdirAll(s.root, 0o700); err != nil {
		return err
	}
	// Without this lock another engine's sweep could take our directory in the
	// moment before its lock is held.
	gate, err := lockFile(filepath.Join(s.root, "sweep.lock"), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer gate.Close()
	s.sweep(store)
	if s.dir, err = os.MkdirTemp(s.root, "pull-"); err != nil {
		return err
	}
	s.lock, err = lockFile(filepath.Join(s.dir, "lock"), unix.LOCK_EX)
	return err
}

// close removes the directory. The lock goes last, so that no sweep ever sees a
// half-removed directory as its own work.
func (s *scratch) close() {
	os.RemoveAll(s.dir)
	s.lock.Close()
}

// sweep removes what dead engines left: their files, and layers that no image
// came to use.
func (s *scratch) sweep(store storage.Store) {
	dirs, _ := filepath.Glob(filepath.Join(s.root, "pull-*"))
	for _, dir := range dirs {
		lock, err := lockFile(filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(dir, "layers")); err == nil {
			dropLayers(store, strings.Fields(string(data)))
		}
		os.RemoveAll(dir)
		if lock != nil {
			lock.Close()
		}
	}
}

// commit runs op with the right to add layers, which one engine has at a time,
// and takes back the layers (bottom first) when it fails: those that were not
// there before and that no image uses.
func (s *scratch) commit(ctx context.Context, store storage.Store, layers []string, op func() error) error {
	lock, err := lockFile(filepath.Join(s.root, "commit.lock"), unix.LOCK_EX|unix.LOCK_NB)
	for errors.Is(err, unix.EWOULDBLOCK) { // flock cannot wait for the lock or a signal, whichever is first
		if err = sleepFor(ctx, 20*time.Millisecond); err == nil {
			lock, err = lockFile(filepath.Join(s.root, "commit.lock"), unix.LOCK_EX|unix.LOCK_NB)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot wait for other pulls: %w", err)
	}
	defer lock.Close()
	var fresh []string
	for _, id := range layers {
		if !store.Exists(id) {
			fresh = append(fresh, id)
		}
	}
	plan := filepath.Join(s.dir, "layers")
	if err := os.WriteFile(plan, []byte(strings.Join(fresh, "\n")), 0o600); err != nil {
		return fmt.Errorf("cannot write down what the pull adds: %w", err)
	}
	if err := op(); err != nil {
		dropLayers(store, fresh)
		return err
	}
	return nil
}

// dropLayers deletes layers, top first. The store refuses those that an image,
// a container or another layer uses, which is what we want.
func dropLayers(store storage.Store, bottomFirst []string) {
	for i := len(bottomFirst) - 1; i >= 0; i-- {
		_ = store.DeleteLayer(bottomFirst[i])
	}
}

// lockFile opens path, creating it, and locks it. flock(2) locks belong to the
// open file, so no other close in this process drops it (as fcntl locks would).
func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
