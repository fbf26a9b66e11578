//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	graphdriver "go.podman.io/storage/drivers"
	"golang.org/x/sys/unix"
)

// A layer is one of an image's, on its way into the store.
type layer struct {
	at     int // from the bottom
	info   types.BlobInfo
	diffID digest.Digest
	id     string // in the store
	parent string
	twin   *layer // a lower one with the same content

	hold  *hold                               // set by its goroutine, read when that is done
	out   *graphdriver.DriverWithDifferOutput // unpacked, not in the store yet
	ready bool                                // unpacked, or there
	there chan struct{}                       // closed when the store has it
}

// A stack brings an image's layers into the store: it unpacks several at a
// time, in any order, and adds them from the bottom up as they get ready.
type stack struct {
	c      *copying
	layers []*layer
	slots  chan struct{} // how many are fetched at once
	mu     sync.Mutex
	next   int // to be added
	synced bool
}

func (c *copying) newStack(infos []types.BlobInfo, diffIDs []digest.Digest) *stack {
	width := parallel
	if !c.f.src.HasThreadSafeGetBlob() {
		width = 1
	}
	s := &stack{c: c, slots: make(chan struct{}, width)}
	parent, first := "", make(map[digest.Digest]*layer)
	for i, id := range chain(diffIDs) {
		l := &layer{at: i, info: infos[i], diffID: diffIDs[i], id: id, parent: parent, twin: first[diffIDs[i]], there: make(chan struct{})}
		if l.twin == nil {
			first[diffIDs[i]] = l
		}
		s.layers, parent = append(s.layers, l), id
	}
	return s
}

// garbage is how much memory may lie unused while layers are unpacked, in percent
// of what is used. The store's library compresses the tar-split record of each
// layer with buffers of several megabytes: with Go's 100 the process grew to 33 MB
// with an image of one layer and to 46 to 54 with one of four, with 30 to 33 and
// 38 to 40. What it costs in processor time was lost in the noise.
const garbage = 30

// run ends when the store has all layers; the first error ends the others.
func (s *stack) run(ctx context.Context) error {
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, l := range s.layers {
		all.Go(func() {
			err := s.obtain(ctx, l)
			if err == nil {
				err = s.add(ctx, l)
			}
			if err != nil {
				cancel(s.c.layerFault(l.at, len(s.layers), l.info, err))
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (s *stack) have(id string) bool {
	l, err := s.c.e.store.Layer(id)
	return err == nil && l.ID == id
}

// obtain unpacks a layer unless it is there.
func (s *stack) obtain(ctx context.Context, l *layer) error {
	if strings.HasSuffix(l.info.MediaType, "+encrypted") {
		return failf(record.ErrUnsupported, "it is encrypted")
	}
	if l.twin != nil {
		select {
		case <-l.twin.there:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var make bool
	var err error
	l.hold, make, err = s.c.e.work.take(ctx, l.id, func() bool { return s.have(l.id) }, func() { s.c.e.bars.waiting(l.info.Digest) })
	if err != nil || !make {
		s.c.e.bars.reused(l.info.Digest)
		if err == nil {
			err = s.c.e.checkSquashed(s.c.o, l.id)
		}
		return err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.unpack(ctx, l)
}

func (s *stack) unpack(ctx context.Context, l *layer) error {
	d := &differ{ctx: ctx, c: s.c, info: l.info, diffID: l.diffID}
	same, err := s.c.e.store.LayersByUncompressedDigest(l.diffID)
	if err != nil && !errors.Is(err, storage.ErrLayerUnknown) {
		return err
	}
	if len(same) > 0 {
		d.copied = &same[0]
	}
	if l.out, err = s.stage(d); err != nil {
		return err
	}
	if d.copied != nil {
		s.c.e.bars.reused(l.info.Digest)
	} else {
		s.c.e.bars.fetched(l.info.Digest)
	}
	return nil
}

// stage unpacks into a directory that the driver makes. A sweep of another
// engine must not come between that and its lock.
func (s *stack) stage(d *differ) (*graphdriver.DriverWithDifferOutput, error) {
	gate, err := lockFile(filepath.Join(s.c.e.work.root, "sweep.lock"), unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	d.begun = func() { gate.Close() }
	out, err := s.c.e.store.PrepareStagedLayer(nil, d)
	if err != nil {
		if out != nil && out.Target != "" {
			_ = s.c.e.store.CleanupStagedLayer(out)
		}
		return nil, stagedGone(err)
	}
	return out, nil
}

// stagedGone tells what is wrong with a staged layer that is not there any more:
// podman, when it ends, takes away what was made but not locked yet.
func stagedGone(err error) error {
	if errors.Is(err, os.ErrNotExist) && strings.Contains(err.Error(), "/staging/") {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return err
}

// add puts every layer that is ready and lies on ready ones into the store.
func (s *stack) add(ctx context.Context, l *layer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.ready = true
	for s.next < len(s.layers) && s.layers[s.next].ready {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		next := s.layers[s.next]
		if err := s.apply(next); err != nil {
			return err
		}
		close(next.there)
		s.next++
	}
	return nil
}

// apply adds one layer. Until an image has it, its hold's file vouches for its
// being swept.
func (s *stack) apply(l *layer) error {
	if l.out == nil {
		return nil
	}
	if !s.synced {
		if err := s.c.e.work.syncHolds(); err != nil {
			return err
		}
		s.synced = true
	}
	if err := s.likeParent(l); err != nil {
		return fmt.Errorf("cannot give its root directory the owner that the parent's has: %w", err)
	}
	_, err := s.c.e.store.ApplyStagedLayer(storage.ApplyStagedLayerOptions{
		ID: l.id, ParentLayer: l.parent, DiffOutput: l.out, DiffOptions: &graphdriver.ApplyDiffWithDifferOpts{},
	})
	if errors.Is(err, storage.ErrDuplicateID) { // podman was faster
		_ = s.c.e.store.CleanupStagedLayer(l.out)
		err = nil
	}
	if err != nil {
		return failf(storeKind(err), "cannot add it to the store: %w", stagedGone(err))
	}
	_ = os.Remove(filepath.Dir(l.out.Target)) // empty since the rename
	l.out = nil
	return l.hold.share()
}

// likeParent does what the driver does for layers that it unpacks itself: a
// layer that says nothing of its root directory has its parent's owner. The
// mode the driver sees to (ApplyDiffFromStagingDirectory).
func (s *stack) likeParent(l *layer) error {
	if l.out.RootDirMode != nil || l.parent == "" {
		return nil
	}
	dir, err := s.c.e.store.DifferTarget(l.parent)
	if err != nil {
		return nil //nolint:nilerr // in an additional store: it is root's then
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return err
	}
	if st.Uid == 0 && st.Gid == 0 {
		return nil
	}
	return os.Chown(l.out.Target, int(st.Uid), int(st.Gid))
}

// end lets go of the layers: an image has them, or nobody wants them.
func (s *stack) end(kept bool) {
	var holds []*hold
	for _, l := range s.layers {
		if l.out != nil {
			_ = s.c.e.store.CleanupStagedLayer(l.out)
		}
		if l.hold != nil {
			holds = append(holds, l.hold)
		}
	}
	if kept {
		s.c.e.work.keep(holds)
	} else {
		s.c.e.work.giveBack(s.c.e.store, holds)
	}
}
