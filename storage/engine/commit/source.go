//go:build containers_image_openpgp

package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/types"
)

// source is the new image as the image library sees one that is to be pulled: a
// manifest, a configuration, and the layer that the store does not have.
type source struct {
	manifest []byte
	mime     string
	config   []byte
	layer    blob
}

var errReadOnly = errors.New("a new image can only be read")

// Transport has to be one of the library's; nobody looks anything up by it.
func (s *source) Transport() types.ImageTransport                         { return directory.Transport }
func (s *source) StringWithinTransport() string                           { return "/new" }
func (s *source) DockerReference() reference.Named                        { return nil }
func (s *source) PolicyConfigurationIdentity() string                     { return "" }
func (s *source) PolicyConfigurationNamespaces() []string                 { return nil }
func (s *source) DeleteImage(context.Context, *types.SystemContext) error { return errReadOnly }

func (s *source) NewImage(ctx context.Context, sys *types.SystemContext) (types.ImageCloser, error) {
	return image.FromSource(ctx, sys, s)
}

func (s *source) NewImageSource(context.Context, *types.SystemContext) (types.ImageSource, error) {
	return s, nil
}

func (s *source) NewImageDestination(context.Context, *types.SystemContext) (types.ImageDestination, error) {
	return nil, errReadOnly
}

func (s *source) Reference() types.ImageReference { return s }
func (s *source) Close() error                    { return nil }
func (s *source) HasThreadSafeGetBlob() bool      { return true }

func (s *source) GetManifest(context.Context, *digest.Digest) ([]byte, string, error) {
	return s.manifest, s.mime, nil
}

func (s *source) GetBlob(_ context.Context, info types.BlobInfo, _ types.BlobInfoCache) (io.ReadCloser, int64, error) {
	switch info.Digest {
	case digest.FromBytes(s.config):
		return io.NopCloser(bytes.NewReader(s.config)), int64(len(s.config)), nil
	case s.layer.digest:
		f, err := os.Open(s.layer.path)
		return f, s.layer.size, err
	}
	return nil, 0, fmt.Errorf("the layer %s of the image beneath is not in the store any more", info.Digest)
}

func (s *source) GetSignatures(context.Context, *digest.Digest) ([][]byte, error) { return nil, nil }

func (s *source) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	return nil, nil
}
