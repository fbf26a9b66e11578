//go:build containers_image_openpgp

package engine

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"
	istorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"
)

// parallel is how many layers are fetched at once, docker's
// max-concurrent-downloads.
const parallel = 3

// A copying is one image on its way from its origin to the store.
//
// The storage transport wants: for each blob TryReusingBlob (the store has a
// layer made from it) or PutBlob (it writes the stream to a file and notes the
// digest of the decompressed content, whatever the compression), in any order
// and at once; then the manifest and signatures; then Commit, which unpacks
// the layers one after the other and writes the image's entry. It trusts the
// stream to be what its digest says: verifying is the caller's part, as is
// everything about failing.
type copying struct {
	e     *engine
	f     *found
	dest  types.ImageDestination
	cache diffIDs
}

// copy fetches what the store lacks and commits. After a failure the store is
// as it was.
func (e *engine) copy(ctx context.Context, o *origin, f *found, id string) error {
	var named reference.Named
	storeID := id // without a name, its id is the only way to call it
	if len(o.names) > 0 {
		var err error
		if named, err = reference.ParseNormalizedNamed(o.names[0]); err != nil {
			return failf(record.ErrInternal, "%q is not an image name: %w", o.names[0], err)
		}
		storeID = ""
	}
	ref, err := istorage.Transport.NewStoreReference(e.store, named, storeID)
	if err != nil {
		return failf(record.ErrInternal, "cannot name the image in the store: %w", err)
	}
	dest, err := ref.NewImageDestination(ctx, e.sys)
	if err != nil {
		return failf(storeKind(err), "cannot write to the image store: %w", err)
	}
	defer dest.Close()
	c := &copying{e: e, f: f, dest: dest}
	return c.run(ctx)
}

func (c *copying) run(ctx context.Context) error {
	layers := c.f.image.LayerInfos()
	c.e.bars.start(c.e.req.Ref, layers)
	if err := c.blobs(ctx, layers); err != nil {
		return err
	}
	config, err := c.f.image.OCIConfig(ctx)
	if err != nil {
		return err
	}
	if err := c.checkDiffIDs(layers, config.RootFS.DiffIDs); err != nil {
		return err
	}
	if err := c.config(ctx); err != nil {
		return err
	}
	if err := c.dest.PutManifest(ctx, c.f.manifest, nil); err != nil {
		return failf(record.ErrStore, "cannot store the manifest: %w", err)
	}
	signatures, err := c.f.unparsed.Signatures(ctx)
	if err != nil {
		return err
	}
	if err := c.dest.PutSignatures(ctx, signatures, nil); err != nil {
		return failf(record.ErrStore, "cannot store the signatures: %w", err)
	}
	c.e.bars.phase("unpacking")
	err = c.e.work.commit(ctx, c.e.store, chain(config.RootFS.DiffIDs), func() error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.dest.Commit(ctx, c.f.top)
	})
	if err != nil {
		return unpackFault(err)
	}
	c.e.bars.done()
	return nil
}

// unpackFault sorts what Commit says. It reads no network any more, so what
// has no better kind is the archive's fault or the store's.
func unpackFault(err error) error {
	if kind, _ := kindOf(err); kind != record.ErrInternal && kind != record.ErrNotFound {
		return fmt.Errorf("cannot unpack the image: %w", err)
	}
	return failf(record.ErrStore, "cannot unpack the image: %w", err)
}

// blobs gets every layer into the store's hands, a few at a time; one blob that
// is several layers only once. The first error ends the others.
func (c *copying) blobs(ctx context.Context, layers []types.BlobInfo) error {
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
			if err := c.layer(ctx, i, len(layers), l); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (c *copying) config(ctx context.Context) error {
	blob, err := c.f.image.ConfigBlob(ctx)
	if err != nil {
		return err
	}
	info := c.f.image.ConfigInfo()
	if got := digest.FromBytes(blob); got != info.Digest {
		return mismatch("the image's configuration", info.Digest, got)
	}
	info.Size = int64(len(blob))
	if _, err := c.dest.PutBlob(ctx, bytes.NewReader(blob), info, &c.cache, true); err != nil {
		return failf(storeKind(err), "cannot store the image's configuration: %w", err)
	}
	return nil
}

// checkDiffIDs compares what the layers decompressed to with what the
// configuration says of them, before any is unpacked.
func (c *copying) checkDiffIDs(layers []types.BlobInfo, want []digest.Digest) error {
	for i, l := range layers {
		if got := c.cache.UncompressedDigest(l.Digest); got != "" && got != want[i] {
			return mismatch(fmt.Sprintf("layer %d of %d (%s), decompressed,", i+1, len(layers), l.Digest), want[i], got)
		}
	}
	return nil
}

// chain are the ids that the storage transport gives layers, bottom first: each
// is named by its parent and its content (storage_dest.go, layerID).
func chain(diffIDs []digest.Digest) []string {
	ids := make([]string, len(diffIDs))
	for i, d := range diffIDs {
		ids[i] = d.Encoded()
		if i > 0 {
			ids[i] = digest.FromString(ids[i-1] + "+" + d.Encoded()).Encoded()
		}
	}
	return ids
}
