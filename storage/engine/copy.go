//go:build containers_image_openpgp

package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"coracle/storage"
	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"
	istorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"
	"golang.org/x/sys/unix"
)

// parallel is how many layers are fetched and unpacked at once, podman's number.
const parallel = 6

// A copying is one image on its way from its origin to the store.
//
// Layers are unpacked by this package and put into the store under the names
// that the library's storage transport would give them (see stack); everything
// else is the transport's. It is told of each layer by TryReusingBlob, takes the
// configuration by PutBlob, then the manifest and signatures, and its Commit
// finds the layers and writes the image's entry. It trusts what it is given:
// verifying is our part, as is everything about failing.
type copying struct {
	e     *engine
	o     *origin
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
	c := &copying{e: e, o: o, f: f, dest: dest}
	return c.run(ctx)
}

func (c *copying) run(ctx context.Context) (err error) {
	layers := c.f.image.LayerInfos()
	config, err := c.f.image.OCIConfig(ctx)
	if err != nil {
		return err
	}
	c.e.bars.start(c.e.req.Ref, layers)
	if c.e.stages() {
		s := c.newStack(layers, config.RootFS.DiffIDs)
		defer func() { s.end(err == nil) }()
		if err := s.run(ctx); err != nil {
			return err
		}
	} else if err := c.blobs(ctx, layers, config.RootFS.DiffIDs); err != nil {
		return err
	}
	if err := c.metadata(ctx); err != nil {
		return err
	}
	if err := syncStore(c.e.store.GraphRoot()); err != nil {
		return failf(storeKind(err), "cannot write the image to disk: %w", err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := c.commit(ctx, layers, config.RootFS.DiffIDs); err != nil {
		return err
	}
	c.e.bars.done()
	return nil
}

// commit writes the image's entry. The layers may have been another image's until
// a moment ago: who removes that one waits, and who did so before is found out.
func (c *copying) commit(ctx context.Context, layers []types.BlobInfo, diffIDs []digest.Digest) error {
	gate, err := storage.Gate{Data: filepath.Dir(c.e.req.Scratch)}.Launch()
	if err != nil {
		return failf(storeKind(err), "cannot lock the image store: %w", err)
	}
	defer gate.Close()
	if c.e.stages() {
		if err := c.tell(ctx, layers, diffIDs); err != nil {
			return err
		}
	}
	if err := c.dest.Commit(ctx, c.f.top); err != nil {
		return c.commitFault(err, diffIDs)
	}
	return nil
}

// tell makes the transport know which layer of the store each blob is.
func (c *copying) tell(ctx context.Context, layers []types.BlobInfo, diffIDs []digest.Digest) error {
	for i, l := range layers {
		c.cache.RecordDigestUncompressedPair(l.Digest, diffIDs[i])
		known, _, err := c.dest.TryReusingBlob(ctx, l, &c.cache, false)
		if err != nil {
			return failf(storeKind(err), "cannot find layer %d of %d (%s) in the store: %w", i+1, len(layers), l.Digest, err)
		}
		if !known {
			return failf(record.ErrStore, "layer %d of %d (%s) was stored and is gone again: %w", i+1, len(layers), l.Digest, errGone)
		}
	}
	return nil
}

// metadata stores everything but the layers.
func (c *copying) metadata(ctx context.Context) error {
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
	return nil
}

// syncStore makes the layers outlive a power cut, all at once: a file system
// writes many files together much faster than each by itself.
func syncStore(graphRoot string) error {
	dir, err := os.Open(filepath.Join(graphRoot, "overlay"))
	if err != nil {
		return err
	}
	defer dir.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(dir.Fd())))
}

// commitFault sorts what Commit says. It reads no network any more, so what
// has no better kind is the store's fault, or that of podman, which knows
// nothing of our gate.
func (c *copying) commitFault(err error, diffIDs []digest.Digest) error {
	for _, id := range chain(diffIDs) {
		if !c.e.store.Exists(id) && c.e.stages() {
			return failf(record.ErrStore, "cannot store the image: %w: %w", errGone, err)
		}
	}
	if kind, _ := kindOf(err); kind != record.ErrInternal && kind != record.ErrNotFound {
		return fmt.Errorf("cannot store the image: %w", err)
	}
	return failf(record.ErrStore, "cannot store the image: %w", err)
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
