//go:build containers_image_openpgp

package archive

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/types"
)

// content is what an image consists of.
type content interface {
	getManifest(instance *digest.Digest) ([]byte, string, error)
	// getBlob returns a blob and its size, -1 if unknown. Called by several at once.
	getBlob(ctx context.Context, info types.BlobInfo) (io.ReadCloser, int64, error)
}

// place is a file or directory, and the transport that messages and signature
// policies know it by.
type place struct {
	transport types.ImageTransport
	path      string
}

// ref is a types.ImageReference that can only be read.
type ref struct {
	place
	what string
	make func() (content, error)
}

var errReadOnly = errors.New("an image of an archive is only read here")

func (r *ref) Transport() types.ImageTransport         { return r.transport }
func (r *ref) StringWithinTransport() string           { return r.path + ":" + r.what }
func (r *ref) DockerReference() reference.Named        { return nil }
func (r *ref) PolicyConfigurationIdentity() string     { return r.path }
func (r *ref) PolicyConfigurationNamespaces() []string { return nil }

func (r *ref) NewImage(ctx context.Context, sys *types.SystemContext) (types.ImageCloser, error) {
	src, err := r.NewImageSource(ctx, sys)
	if err != nil {
		return nil, err
	}
	return image.FromSource(ctx, sys, src)
}

func (r *ref) NewImageSource(context.Context, *types.SystemContext) (types.ImageSource, error) {
	c, err := r.make()
	if err != nil {
		return nil, err
	}
	return &source{ref: r, content: c}, nil
}

func (r *ref) NewImageDestination(context.Context, *types.SystemContext) (types.ImageDestination, error) {
	return nil, errReadOnly
}

func (r *ref) DeleteImage(context.Context, *types.SystemContext) error { return errReadOnly }

// source is a types.ImageSource.
type source struct {
	ref *ref
	content
}

func (s *source) Reference() types.ImageReference { return s.ref }
func (s *source) Close() error                    { return nil }
func (s *source) HasThreadSafeGetBlob() bool      { return true }

func (s *source) GetManifest(_ context.Context, instance *digest.Digest) ([]byte, string, error) {
	return s.getManifest(instance)
}

func (s *source) GetBlob(ctx context.Context, info types.BlobInfo, _ types.BlobInfoCache) (io.ReadCloser, int64, error) {
	return s.getBlob(ctx, info)
}

func (s *source) GetSignatures(context.Context, *digest.Digest) ([][]byte, error) { return nil, nil }

func (s *source) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	return nil, nil
}
