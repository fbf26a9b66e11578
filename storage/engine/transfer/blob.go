//go:build containers_image_openpgp

package transfer

import (
	"context"
	"fmt"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/pkg/compression"
	"go.podman.io/image/v5/types"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layer gets one layer to the destination: one that is there in any acceptable
// form is left there. What is returned replaces the layer in the manifest.
func (s *sending) layer(ctx context.Context, i int) (types.BlobInfo, error) {
	l, own := s.layers[i], s.infos[i]
	if len(own.URLs) > 0 && s.dest.AcceptsForeignLayerURLs() {
		return own, nil // fetched from there by whoever pulls
	}
	if s.layout != types.Compress {
		return s.plain(ctx, l, own)
	}
	for _, c := range s.candidates(l, own) {
		there, info, err := s.dest.TryReusingBlob(ctx, types.BlobInfo{Digest: c.Digest, Size: c.Size}, s.o.Cache.blobs(), false)
		if err != nil {
			return own, fmt.Errorf("cannot look whether it is there: %w", err)
		}
		if there {
			c.Size = info.Size
			s.o.Cache.store(l.diffID, variant{Digest: c.Digest, Size: c.Size, Algorithm: c.algorithm, Annotations: c.form}, s.repository())
			s.o.Progress.blob(c.Digest, "skipped: already exists")
			return c.BlobInfo, nil
		}
	}
	return s.compressed(ctx, l, own)
}

// plain sends a layer as the store has it.
func (s *sending) plain(ctx context.Context, l layer, own types.BlobInfo) (types.BlobInfo, error) {
	info := types.BlobInfo{Digest: l.diffID, Size: l.size, Annotations: withoutForm(own.Annotations), CompressionOperation: types.Decompress}
	if own.Digest == l.diffID {
		info.CompressionOperation = types.PreserveOriginal
		info.Annotations = own.Annotations
	}
	there, found, err := s.dest.TryReusingBlob(ctx, info, s.o.Cache.blobs(), false)
	if err != nil {
		return own, fmt.Errorf("cannot look whether it is there: %w", err)
	}
	if there {
		info.Size = found.Size
		s.o.Progress.blob(l.diffID, "skipped: already exists")
		return info, nil
	}
	in, err := l.open(ctx)
	if err != nil {
		return own, err
	}
	defer in.Close()
	r, end := s.o.Progress.follow(l.diffID, l.size, in)
	defer end()
	put, err := s.dest.PutBlob(ctx, r, types.BlobInfo{Digest: l.diffID, Size: l.size, MediaType: imgspec.MediaTypeImageLayer}, s.o.Cache.blobs(), false)
	if err == nil {
		err = drain(in)
	}
	if err != nil {
		return own, fmt.Errorf("cannot send it: %w", err)
	}
	info.Size = put.Size
	s.o.Progress.blob(l.diffID, "done")
	return info, nil
}

// compressed makes a compressed form and sends it while it is made.
func (s *sending) compressed(ctx context.Context, l layer, own types.BlobInfo) (types.BlobInfo, error) {
	in, err := l.open(ctx)
	if err != nil {
		return own, err
	}
	defer in.Close()
	r, end := s.o.Progress.follow(l.diffID, l.size, in)
	defer end()
	z := s.o.Compression.compress(r)
	defer z.Close()
	put, err := s.dest.PutBlob(ctx, z, types.BlobInfo{Size: -1}, s.o.Cache.blobs(), false)
	if err != nil {
		return own, fmt.Errorf("cannot send it: %w", err)
	}
	z.Close()
	algorithm := s.o.Compression.algorithm()
	v := variant{Digest: put.Digest, Size: put.Size, Algorithm: algorithm.Name()}
	if len(z.annotations) > 0 {
		v.Annotations = z.annotations
	}
	s.o.Cache.store(l.diffID, v, s.repository())
	s.o.Progress.blob(put.Digest, "done")
	return v.info(own), nil
}

// candidate is a form in which a layer may be at the destination.
type candidate struct {
	types.BlobInfo
	algorithm string
	form      map[string]string
}

// candidates are the forms that are good enough, the image's own first: with
// it, the manifest stays as it is.
func (s *sending) candidates(l layer, own types.BlobInfo) []candidate {
	var all []candidate
	oci := s.mime == imgspec.MediaTypeImageManifest
	if name := algorithmOf(own); own.Digest != l.diffID && s.o.Compression.accepts(name, oci) {
		all = append(all, candidate{own, name, nil})
		s.o.Cache.tell(own.Digest, name, s.names) // it came from there
	}
	for _, v := range s.o.Cache.load(l.diffID) {
		if v.Digest != own.Digest && s.o.Compression.accepts(v.Algorithm, oci) {
			all = append(all, candidate{v.info(own), v.Algorithm, v.Annotations})
			s.o.Cache.tell(v.Digest, v.Algorithm, v.Places)
		}
	}
	return all
}

// repository is the destination, if it is one of a registry.
func (s *sending) repository() string {
	ref := s.dest.Reference()
	if ref == nil || ref.Transport().Name() != docker.Transport.Name() {
		return ""
	}
	return ref.DockerReference().Name()
}

// info is the form in a manifest in which the layer was own.
func (v variant) info(own types.BlobInfo) types.BlobInfo {
	info := types.BlobInfo{Digest: v.Digest, Size: v.Size, Annotations: withoutForm(own.Annotations), CompressionOperation: types.Compress}
	for key, value := range v.Annotations {
		if info.Annotations == nil {
			info.Annotations = make(map[string]string)
		}
		info.Annotations[key] = value
	}
	if a, err := compression.AlgorithmByName(v.Algorithm); err == nil {
		info.CompressionAlgorithm = &a
	}
	return info
}
