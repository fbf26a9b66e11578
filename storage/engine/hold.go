//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"
)

// A hold is a pull's word on a layer that no image has yet: a lock on a file
// named for it. Who writes (unpacks) it has it alone; who waits for it or found
// it made shares it until an image has it. So two pulls of one image do the
// work once, and whoever fails last takes the layer back. The kernel drops the
// lock with the process; the file stays and tells the next engine what to
// sweep.
//
// Layers are named by what they are and what they lie on (see chain), so two
// pulls want the same ones in the same order from the bottom up: the lowest that
// is missing is always in the hands of somebody who can finish it, and no two
// wait for each other.
//
// These are open-file-description locks (fcntl_locking(2), Linux 3.15), which
// turn from writing into reading without a gap.
type hold struct {
	id string
	f  *os.File
}

// poll is how often a hold that another pull has is asked for.
const poll = 20 * time.Millisecond

// take waits for a layer: to make it when make is true, or to rely on it. A
// nil hold is of a layer that needs none, since an image has it. waiting is
// called when another pull is at it.
func (s *scratch) take(ctx context.Context, id string, have func() bool, waiting func()) (h *hold, make bool, err error) {
	path := s.holdPath(id)
	for first := true; ; first = false {
		there := have()
		if _, err := os.Lstat(path); there && errors.Is(err, os.ErrNotExist) {
			return nil, false, nil
		}
		h, err := s.try(path, id, !there)
		if err != nil {
			return nil, false, fmt.Errorf("cannot lock the layer %s: %w", id, err)
		}
		if h != nil {
			switch now := have(); {
			case now && !there: // made while we were getting the lock
				return h, false, h.share()
			case now == there:
				return h, !there, nil
			}
			h.f.Close() // deleted in that moment
			continue
		}
		if first {
			waiting()
		}
		if err := sleepFor(ctx, poll); err != nil {
			return nil, false, context.Cause(ctx)
		}
	}
}

// try opens and locks a hold's file; nil when another process is in the way, or
// when the file was removed in the meantime.
func (s *scratch) try(path, id string, alone bool) (*hold, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	kind := int16(unix.F_RDLCK)
	if alone {
		kind = unix.F_WRLCK
	}
	ok, err := ofdLock(f, kind)
	if ok && err == nil {
		var st unix.Stat_t
		if err = unix.Fstat(int(f.Fd()), &st); err == nil && st.Nlink > 0 {
			return &hold{id, f}, nil
		}
	}
	f.Close()
	return nil, err
}

// ofdLock sets a lock without waiting; false: somebody else has one.
func ofdLock(f *os.File, kind int16) (bool, error) {
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Whence: unix.SEEK_SET})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// share lets others rely on the layer, which is there now.
func (h *hold) share() error {
	_, err := ofdLock(h.f, unix.F_RDLCK)
	return err
}

func (s *scratch) holdPath(id string) string { return filepath.Join(s.root, "layers", id) }

// syncHolds makes sure that the next engine finds the holds' files, also after
// a power cut: layers are written into the store from now on.
func (s *scratch) syncHolds() error {
	dir, err := os.Open(filepath.Join(s.root, "layers"))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// keep ends holds whose layers an image has now.
func (s *scratch) keep(holds []*hold) {
	for _, h := range holds {
		os.Remove(s.holdPath(h.id))
		h.f.Close()
	}
}

// giveBack ends holds, bottom first, after a failure: it deletes the layers that
// no other pull relies on.
func (s *scratch) giveBack(store sweepable, holds []*hold) {
	for i := len(holds) - 1; i >= 0; i-- {
		h := holds[i]
		if ok, err := ofdLock(h.f, unix.F_WRLCK); ok && err == nil {
			_ = store.DeleteLayer(h.id) // not there, or in use after all
			os.Remove(s.holdPath(h.id))
		}
		h.f.Close()
	}
}

// sweepLayers deletes the layers that dead pulls left. One that others lie on
// goes after those; whatever still refuses belongs to an image.
func (s *scratch) sweepLayers(store sweepable) {
	entries, _ := os.ReadDir(filepath.Join(s.root, "layers"))
	var mine []*hold
	for _, e := range entries {
		if h, err := s.try(s.holdPath(e.Name()), e.Name(), true); h != nil && err == nil {
			mine = append(mine, h)
		}
	}
	for gone := true; gone; {
		gone = false
		for i, h := range mine {
			if h == nil {
				continue
			}
			if err := store.DeleteLayer(h.id); errors.Is(err, storage.ErrLayerHasChildren) {
				continue
			}
			gone = true
			os.Remove(s.holdPath(h.id))
			h.f.Close()
			mine[i] = nil
		}
	}
	for _, h := range mine {
		if h != nil {
			os.Remove(s.holdPath(h.id))
			h.f.Close()
		}
	}
}
