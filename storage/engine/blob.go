//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
)

// layer makes the store know one layer: by one it has, or by fetching it.
func (c *copying) layer(ctx context.Context, i, n int, info types.BlobInfo) error {
	what := fmt.Sprintf("layer %d of %d (%s)", i+1, n, info.Digest)
	if strings.HasSuffix(info.MediaType, "+encrypted") {
		return failf(record.ErrUnsupported, "%s is encrypted", what)
	}
	reused, _, err := c.dest.TryReusingBlob(ctx, info, &c.cache, false)
	if err != nil {
		return failf(storeKind(err), "cannot look for %s in the store: %w", what, err)
	}
	if reused {
		c.e.bars.reused(info.Digest)
		return nil
	}
	return c.e.again(ctx, func() error { return c.get(ctx, what, info) })
}

// get fetches one blob into the store's hands, verifying it on the way.
func (c *copying) get(ctx context.Context, what string, info types.BlobInfo) error {
	stream, size, err := c.f.src.GetBlob(ctx, info, &c.cache)
	if err != nil {
		return fmt.Errorf("cannot fetch %s: %w", what, err)
	}
	defer stream.Close()
	if info.Size < 0 {
		info.Size = size
	}
	v := newVerifier(ctx, c.e.bars.reader(info.Digest, stream), info)
	_, err = c.dest.PutBlob(ctx, v, info, &c.cache, false)
	// A decompressor that stumbles over a changed byte reports its own trouble,
	// and one that is content may leave a tail unread. The rest tells whether
	// the blob is the one we wanted.
	_, rest := io.Copy(io.Discard, v)
	switch {
	case v.err != nil:
		return fmt.Errorf("%s: %w", what, v.err)
	case v.got != info.Digest:
		return mismatch(what, info.Digest, v.got)
	case rest != nil:
		return fmt.Errorf("%s: %w", what, rest)
	case err != nil && storeKind(err) == record.ErrSpace:
		return fmt.Errorf("cannot store %s: %w", what, err)
	case err != nil:
		return failf(record.ErrCorrupt, "%s cannot be read: %w", what, err)
	}
	c.e.bars.fetched(info.Digest)
	return nil
}

// A verifier passes a blob through and refuses its end unless it is the blob
// that info names. It never passes more than info.Size bytes.
type verifier struct {
	ctx  context.Context
	in   io.Reader
	want types.BlobInfo
	sum  digest.Digester
	size int64
	got  digest.Digest // set at the end of the stream
	err  error         // from the stream itself
}

func newVerifier(ctx context.Context, in io.Reader, want types.BlobInfo) *verifier {
	return &verifier{ctx: ctx, in: in, want: want, sum: want.Digest.Algorithm().Digester()}
}

var errUnverified = errors.New("it is not what its digest says")

func (v *verifier) Read(p []byte) (int, error) {
	if err := v.ctx.Err(); err != nil {
		v.err = err
		return 0, err
	}
	n, err := v.in.Read(p)
	v.sum.Hash().Write(p[:n])
	v.size += int64(n)
	if v.want.Size >= 0 && v.size > v.want.Size {
		v.err = failf(record.ErrCorrupt, "it is longer than the %d bytes the manifest says", v.want.Size)
		return 0, v.err
	}
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		v.err = err
		return n, err
	}
	v.got = v.sum.Digest()
	if v.got != v.want.Digest {
		return n, errUnverified
	}
	return n, io.EOF
}

// diffIDs is the cache that the transports ask and tell; what it keeps is, for
// each blob that came in, the digest of its decompressed content.
type diffIDs struct {
	mu    sync.Mutex
	known map[digest.Digest]digest.Digest
}

// UncompressedDigest implements types.BlobInfoCache.
func (c *diffIDs) UncompressedDigest(d digest.Digest) digest.Digest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[d]
}

// RecordDigestUncompressedPair implements types.BlobInfoCache.
func (c *diffIDs) RecordDigestUncompressedPair(d, uncompressed digest.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[digest.Digest]digest.Digest)
	}
	c.known[d] = uncompressed
}

// RecordKnownLocation implements types.BlobInfoCache.
func (c *diffIDs) RecordKnownLocation(types.ImageTransport, types.BICTransportScope, digest.Digest, types.BICLocationReference) {
}

// CandidateLocations implements types.BlobInfoCache.
func (c *diffIDs) CandidateLocations(types.ImageTransport, types.BICTransportScope, digest.Digest, bool) []types.BICReplacementCandidate {
	return nil
}
