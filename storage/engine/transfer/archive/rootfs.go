//go:build containers_image_openpgp

package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/tarball"
	"go.podman.io/image/v5/types"
)

// A Rootfs is an image of one layer, made of a tar of a root file system.
type Rootfs struct {
	file   *os.File
	size   int64 // compressed or not
	layer  imgspec.Descriptor
	config []byte
}

// NewRootfs measures a tar, compressed or not, that can be read at any place.
// Errors: ErrArchive, ErrTooLarge.
func NewRootfs(ctx context.Context, f *os.File) (*Rootfs, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := &Rootfs{file: f, size: info.Size()}
	in, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	sum := digest.Canonical.Digester()
	n, err := io.Copy(sum.Hash(), in)
	if err != nil {
		return nil, fmt.Errorf("cannot read the tar: %w", err)
	}
	r.layer = imgspec.Descriptor{MediaType: imgspec.MediaTypeImageLayer, Digest: sum.Digest(), Size: n}
	return r, nil
}

// DiffID is the digest of the tar, decompressed.
func (r *Rootfs) DiffID() digest.Digest { return r.layer.Digest }

func (r *Rootfs) open(ctx context.Context) (io.ReadCloser, error) {
	return Decompressed(ctx, io.NewSectionReader(r.file, 0, r.size), r.size)
}

// Ref is the image with a configuration; path is what the tar is called.
func (r *Rootfs) Ref(path string, config []byte) types.ImageReference {
	c := &Rootfs{file: r.file, size: r.size, layer: r.layer, config: config}
	return &ref{place: place{tarball.Transport, path}, what: r.layer.Digest.String(), make: func() (content, error) { return c, nil }}
}

func (r *Rootfs) getManifest(*digest.Digest) ([]byte, string, error) {
	m, err := json.Marshal(imgspec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest,
		Config: imgspec.Descriptor{MediaType: imgspec.MediaTypeImageConfig, Digest: digest.FromBytes(r.config), Size: int64(len(r.config))},
		Layers: []imgspec.Descriptor{r.layer},
	})
	return m, imgspec.MediaTypeImageManifest, err
}

func (r *Rootfs) getBlob(ctx context.Context, info types.BlobInfo) (io.ReadCloser, int64, error) {
	switch info.Digest {
	case r.layer.Digest:
		in, err := r.open(ctx)
		return in, r.layer.Size, err
	case digest.FromBytes(r.config):
		return io.NopCloser(bytes.NewReader(r.config)), int64(len(r.config)), nil
	}
	return nil, 0, bad("it has no blob %s", info.Digest)
}
