//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"coracle/storage/engine/decode"
	"coracle/storage/engine/unpack"
	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	graphdriver "go.podman.io/storage/drivers"
	"go.podman.io/storage/pkg/archive"
)

// A differ unpacks one layer into the staging directory that the store's driver
// gives it (graphdriver.Differ), from the network if need be, without the
// store's lock.
type differ struct {
	ctx    context.Context
	c      *copying
	info   types.BlobInfo
	diffID digest.Digest
	// copied is a layer of the store with the same content, on other parents;
	// nil when the blob has to be fetched.
	copied *storage.Layer
	// inParts says that the blob was not fetched as a whole, so that its digest is
	// not known to be right; that of its content is.
	inParts bool
	begun   func() // called when the driver has made the directory
}

// Close implements graphdriver.Differ.
func (d *differ) Close() error { return nil }

// ApplyDiff implements graphdriver.Differ.
func (d *differ) ApplyDiff(dest string, o *archive.TarOptions, opts *graphdriver.DifferOptions) (graphdriver.DriverWithDifferOutput, error) {
	d.begun()
	var out graphdriver.DriverWithDifferOutput
	if o.ForceMask != nil || o.WhiteoutFormat != archive.OverlayWhiteoutFormat || opts.Format != graphdriver.DifferOutputFormatDir {
		return out, failf(record.ErrInternal, "the store wants a layer in another form than overlay's")
	}
	split, err := os.CreateTemp(opts.StagingDirectory, "tar-split-")
	if err != nil {
		return out, err
	}
	out.TarSplit = split // the store's to close, also after an error
	if err := os.Remove(split.Name()); err != nil {
		return out, err
	}
	options := unpack.Options{UserNS: o.InUserNS, Owners: d.c.e.owners(o.IgnoreChownErrors), Split: split}
	if options.UIDs, options.GIDs, err = d.c.e.ids(); err != nil {
		return out, err
	}
	var r *unpack.Result
	if d.copied != nil {
		r, err = d.fromStore(dest, options)
		out.CompressedDigest = d.copied.CompressedDigest
	} else {
		if r, err = d.fromParts(dest, options, split); errors.Is(err, errWhole) {
			r, err = d.fromSource(dest, options)
		}
		if !d.inParts {
			out.CompressedDigest = d.info.Digest
		}
	}
	if err != nil {
		return out, err
	}
	out.UncompressedDigest, out.Size = d.diffID, r.Size
	out.UIDs, out.GIDs, out.RootDirMode = r.UIDs, r.GIDs, r.Root
	return out, nil
}

// owners is what becomes of files whose owner does not exist.
func (e *engine) owners(single bool) unpack.Owners {
	switch {
	case e.req.IDs == record.IDsSquash:
		return unpack.Squash
	case single:
		return unpack.Ignore
	}
	return unpack.Refuse
}

// fromStore unpacks another layer's content. The store makes the stream again,
// which needs a lock of it for as long.
func (d *differ) fromStore(dest string, o unpack.Options) (*unpack.Result, error) {
	plain := archive.Uncompressed
	diff, err := d.c.e.store.Diff("", d.copied.ID, &storage.DiffOptions{Compression: &plain})
	if err != nil {
		return nil, err
	}
	defer diff.Close()
	sum := digest.Canonical.Digester()
	in := decode.NewAhead(diff, sum.Hash())
	defer in.Close()
	r, err := unpack.Unpack(d.ctx, in, dest, o)
	if err == nil && sum.Digest() != d.diffID {
		err = failf(record.ErrStore, "the layer %s of the store has changed since it was written\n  fix: podman system check --repair", d.copied.ID)
	}
	return r, err
}

// fromSource fetches the blob, verifies it, decompresses and unpacks it, all at
// once.
func (d *differ) fromSource(dest string, o unpack.Options) (*unpack.Result, error) {
	blob := d.c.e.blobStream(d.ctx, d.c.f.src, d.info, &d.c.cache)
	defer blob.Close()
	v := newVerifier(d.ctx, d.c.e.bars.reader(d.info.Digest, blob), d.info)
	var fetched atomic.Int64
	o.Compressed = fetched.Load
	r, got, err := d.unpack(&counted{v, &fetched}, dest, o)
	// A decompressor that stumbles over a changed byte reports its own trouble,
	// and one that is content may leave a tail unread. The rest tells whether the
	// blob is the one we wanted; but more of a bomb is not fetched for that.
	if v.err == nil && (err == nil || damaged(err)) {
		_, _ = io.Copy(io.Discard, v)
	}
	switch {
	case v.err != nil:
		return nil, v.err
	case v.got != "" && v.got != d.info.Digest:
		return nil, mismatch("it", d.info.Digest, v.got)
	case err != nil:
		return nil, err
	case got != d.diffID:
		return nil, mismatch("it, decompressed,", d.diffID, got)
	}
	return r, nil
}

func (d *differ) unpack(blob io.Reader, dest string, o unpack.Options) (*unpack.Result, digest.Digest, error) {
	plain, kind, err := decode.Open(blob)
	if err != nil {
		return nil, "", err
	}
	defer plain.Close()
	if kind == "" {
		o.Compressed = nil
	}
	sum := d.diffID.Algorithm().Digester()
	in := decode.NewAhead(plain, sum.Hash())
	defer in.Close()
	r, err := unpack.Unpack(d.ctx, in, dest, o)
	in.Close()
	return r, sum.Digest(), err
}

// counted counts what is read, for another goroutine to see.
type counted struct {
	in io.Reader
	n  *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// damaged reports whether an error can come of changed bytes.
func damaged(err error) bool {
	if errors.Is(err, unpack.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errUnverified) {
		return true
	}
	kind, _ := localKind(err)
	return kind == record.ErrCorrupt
}

// layerFault says which layer an error is about, and of what kind it is. The
// errors of package unpack name the entry.
func (c *copying) layerFault(i, n int, info types.BlobInfo, err error) error {
	what := fmt.Sprintf("layer %d of %d (%s)", i+1, n, info.Digest)
	var id *unpack.IDError
	switch {
	case errors.As(err, &id):
		return failf(record.ErrIDs, "%s: %w\n  fix: %s", what, err, c.e.moreIDs(id))
	case errors.Is(err, unpack.ErrLimit):
		return failf(record.ErrUnsupported, "%s: %w\n  fix: if it is meant to be so: podman pull has no such bound, and the store is the same", what, err)
	case errors.Is(err, unpack.ErrFormat), errors.Is(err, unpack.ErrEscape), errors.Is(err, decode.ErrUnknown):
		return failf(record.ErrCorrupt, "%s cannot be unpacked: %w", what, err)
	case strings.Contains(err.Error(), what):
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}
