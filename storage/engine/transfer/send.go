//go:build containers_image_openpgp

package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/pkg/compression"
	"go.podman.io/image/v5/types"
)

// parallel is how many layers leave at once, docker's max-concurrent-uploads
// being 5 and podman's 6: compressing takes more than one processor each.
const parallel = 3

// ErrSigned is in the error of an image whose signatures would be lost.
var ErrSigned = errors.New("the image's signatures would not be valid any more")

// Options are how images leave.
type Options struct {
	Format      Format
	Compression Compression
	// Compress makes a destination that would take layers as they are (dir:) get
	// them compressed; Plain makes one that wants them compressed take them as
	// they are.
	Compress, Plain bool
	// DropSignatures leaves signatures behind; without it, an image that has some
	// and cannot be sent with them is refused (ErrSigned).
	DropSignatures bool
	// Sign signs a manifest that is about to be stored under a name.
	Sign func(manifest []byte) ([]byte, error)
	// Attach signs a manifest that was stored, and stores the signature beside it.
	Attach   func(ctx context.Context, manifest []byte) error
	Cache    *Cache
	Progress *Progress
}

// sending is one image on its way to one destination.
type sending struct {
	*stored
	dest   types.ImageDestination
	o      *Options
	mime   string // of the manifest to write
	layout types.LayerCompression
}

// put sends an image, all but the destination's commit, and returns the manifest
// as it is there. It is sent alone, or as one of a list.
func put(ctx context.Context, x *stored, dest types.ImageDestination, o *Options, list bool) ([]byte, error) {
	s := &sending{stored: x, dest: dest, o: o, layout: dest.DesiredLayerCompression()}
	switch {
	case o.Compress && s.layout == types.PreserveOriginal:
		s.layout = types.Compress
	case o.Plain && s.layout == types.Compress:
		s.layout = types.PreserveOriginal
	}
	algorithm := compression.Gzip.Name()
	if s.layout == types.Compress {
		algorithm = o.Compression.algorithm().Name()
	}
	var err error
	if s.mime, err = chooseFormat(x.mime, o.Format, dest.SupportedManifestMIMETypes(), algorithm); err != nil {
		return nil, err
	}
	signatures, err := s.signatures(ctx)
	if err != nil {
		return nil, err
	}
	infos, err := s.blobs(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.manifestWith(ctx, infos)
	if err != nil {
		return nil, err
	}
	if len(signatures) > 0 && !bytes.Equal(out, x.manifest) {
		return nil, fmt.Errorf("%w: sending it changes its manifest\n  fix: --remove-signatures", ErrSigned)
	}
	var instance *digest.Digest
	if list {
		d, err := manifest.Digest(out)
		if err != nil {
			return nil, err
		}
		instance = &d
	}
	return out, s.finish(ctx, out, signatures, instance)
}

// signatures are those that go along.
func (s *sending) signatures(ctx context.Context) ([][]byte, error) {
	if s.o.DropSignatures {
		return nil, nil
	}
	signatures, err := s.unparsed.Signatures(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the image's signatures: %w", err)
	}
	if len(signatures) > 0 {
		if err := s.dest.SupportsSignatures(ctx); err != nil {
			return nil, fmt.Errorf("%w: the destination cannot store them: %w\n  fix: --remove-signatures", ErrSigned, err)
		}
	}
	return signatures, nil
}

// blobs gets the layers to the destination, a few at a time, one that comes
// twice only once, and returns what they are there. The first error ends the
// others.
func (s *sending) blobs(ctx context.Context) ([]types.BlobInfo, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	width := parallel
	if !s.dest.HasThreadSafePutBlob() {
		width = 1
	}
	infos := make([]types.BlobInfo, len(s.layers))
	first := make(map[digest.Digest]int)
	slots := make(chan struct{}, width)
	var all sync.WaitGroup
	for i, l := range s.layers {
		if _, ok := first[l.diffID]; ok {
			continue
		}
		first[l.diffID] = i
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			info, err := s.layer(ctx, i)
			if err != nil {
				cancel(fmt.Errorf("layer %d of %d: %w", i+1, len(s.layers), err))
			}
			infos[i] = info
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	for i, l := range s.layers {
		infos[i] = infos[first[l.diffID]]
	}
	return infos, nil
}

// manifestWith is the image's manifest for layers as they are at the
// destination: the very bytes when nothing is different.
func (s *sending) manifestWith(ctx context.Context, infos []types.BlobInfo) ([]byte, error) {
	same := slices.EqualFunc(infos, s.infos, func(a, b types.BlobInfo) bool {
		return a.Digest == b.Digest && a.Size == b.Size && a.CompressionOperation == types.PreserveOriginal
	})
	img := s.image
	if !same || s.mime != s.stored.mime {
		update := types.ManifestUpdateOptions{LayerInfos: infos}
		if s.mime != s.stored.mime {
			update.ManifestMIMEType = s.mime
		}
		var err error
		if img, err = s.image.UpdatedImage(ctx, update); err != nil {
			return nil, fmt.Errorf("cannot write the manifest in the format %s: %w", s.mime, err)
		}
	}
	if err := s.config(ctx, img); err != nil {
		return nil, err
	}
	out, _, err := img.Manifest(ctx)
	return out, err
}

func (s *sending) config(ctx context.Context, img types.Image) error {
	info := img.ConfigInfo()
	if info.Digest == "" {
		return errors.New("the image has no configuration")
	}
	blob, err := img.ConfigBlob(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the image's configuration: %w", err)
	}
	if digest.FromBytes(blob) != info.Digest {
		return fmt.Errorf("%w: the configuration is damaged", ErrLayer)
	}
	info.Size = int64(len(blob))
	if _, err := s.dest.PutBlob(ctx, bytes.NewReader(blob), info, s.o.Cache.blobs(), true); err != nil {
		return fmt.Errorf("cannot send the image's configuration: %w", err)
	}
	s.o.Progress.Say("Copying config %.12s done", info.Digest.Encoded())
	return nil
}

// finish stores manifest and signatures.
func (s *sending) finish(ctx context.Context, out []byte, signatures [][]byte, instance *digest.Digest) error {
	s.o.Progress.Say("Writing manifest to image destination")
	if err := s.dest.PutManifest(ctx, out, instance); err != nil {
		return fmt.Errorf("cannot store the manifest: %w", err)
	}
	if s.o.Sign != nil {
		signature, err := s.o.Sign(out)
		if err != nil {
			return err
		}
		signatures = append(slices.Clone(signatures), signature)
	}
	if len(signatures) > 0 {
		if err := s.dest.PutSignatures(ctx, signatures, instance); err != nil {
			return fmt.Errorf("cannot store the signatures: %w", err)
		}
	}
	if s.o.Attach != nil {
		return s.o.Attach(ctx, out)
	}
	return nil
}

// drain reads what is left, so that a stream is checked to its end.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
