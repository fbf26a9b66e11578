//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"io"
	"sync"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
)

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
