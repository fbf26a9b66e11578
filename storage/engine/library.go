//go:build containers_image_openpgp

package engine

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
	graphdriver "go.podman.io/storage/drivers"
)

// stages reports whether layers can be unpacked here. Other drivers than
// overlay, and overlay in a form of its own (composefs, force_mask), are the
// library's.
func (e *engine) stages() bool {
	driver, err := e.store.GraphDriver()
	if err != nil || e.store.GraphDriverName() != "overlay" {
		return false
	}
	_, ok := driver.(graphdriver.DriverWithDiffer)
	options := e.store.GraphOptions()
	return ok && !has(options, "use_composefs") && !has(options, "force_mask")
}

// blobs gets every layer into the transport's hands, which unpacks them one
// after the other when it commits. One blob that is several layers is fetched
// once. The first error ends the others.
func (c *copying) blobs(ctx context.Context, layers []types.BlobInfo, diffIDs []digest.Digest) error {
	if c.e.req.IDs == record.IDsSquash {
		return failf(record.ErrUnsupported, "--ids=squash works with the overlay driver only, without composefs and force_mask\n  fix: see storage.conf(5)")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	width := parallel
	if !c.f.src.HasThreadSafeGetBlob() || !c.dest.HasThreadSafePutBlob() {
		width = 1
	}
	slots := make(chan struct{}, width)
	seen := make(map[digest.Digest]bool)
	var all sync.WaitGroup
	for i, l := range layers {
		if seen[l.Digest] {
			continue
		}
		seen[l.Digest] = true
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			if err := c.blob(ctx, l, diffIDs[i]); err != nil {
				cancel(c.layerFault(i, len(layers), l, err))
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (c *copying) blob(ctx context.Context, info types.BlobInfo, diffID digest.Digest) error {
	if strings.HasSuffix(info.MediaType, "+encrypted") {
		return failf(record.ErrUnsupported, "it is encrypted")
	}
	reused, _, err := c.dest.TryReusingBlob(ctx, info, &c.cache, false)
	if err != nil {
		return failf(storeKind(err), "cannot look for it in the store: %w", err)
	}
	if reused {
		c.e.bars.reused(info.Digest)
		return nil
	}
	stream := c.e.blobStream(ctx, c.f.src, info, &c.cache)
	defer stream.Close()
	v := newVerifier(ctx, c.e.bars.reader(info.Digest, stream), info)
	_, err = c.dest.PutBlob(ctx, v, info, &c.cache, false)
	// The rest tells whether the blob is the one we wanted (see fromSource).
	_, rest := io.Copy(io.Discard, v)
	switch {
	case v.err != nil:
		return v.err
	case v.got != info.Digest:
		return mismatch("it", info.Digest, v.got)
	case rest != nil:
		return rest
	case err != nil && storeKind(err) == record.ErrSpace:
		return fmt.Errorf("cannot store it: %w", err)
	case err != nil:
		return failf(record.ErrCorrupt, "it cannot be read: %w", err)
	}
	if got := c.cache.UncompressedDigest(info.Digest); got != diffID {
		return mismatch("it, decompressed,", diffID, got)
	}
	c.e.bars.fetched(info.Digest)
	return nil
}
