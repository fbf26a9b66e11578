//go:build containers_image_openpgp

package transfer

import (
	"context"
	"fmt"

	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	istorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"coracle/storage/engine"
)

// stored is an image of the store, opened to be sent.
type stored struct {
	src      types.ImageSource
	unparsed *image.UnparsedImage
	image    types.Image
	manifest []byte
	mime     string
	layers   []layer          // as they lie in the store
	infos    []types.BlobInfo // as the manifest has them
	names    []string         // that it has in the store
}

// openStored opens an image. The caller closes stored.src.
func openStored(ctx context.Context, s *engine.Store, sys *types.SystemContext, img *storage.Image) (_ *stored, err error) {
	ref, err := istorage.Transport.NewStoreReference(s.Store, nil, img.ID)
	if err != nil {
		return nil, err
	}
	x := &stored{names: img.Names}
	if x.src, err = ref.NewImageSource(ctx, sys); err != nil {
		return nil, fmt.Errorf("cannot read image %s: %w", img.ID, err)
	}
	defer func() {
		if err != nil {
			x.src.Close()
		}
	}()
	return x, x.read(ctx, s, sys, img)
}

func (x *stored) read(ctx context.Context, s *engine.Store, sys *types.SystemContext, img *storage.Image) error {
	x.unparsed = image.UnparsedInstance(x.src, nil)
	var err error
	if x.manifest, x.mime, err = x.unparsed.Manifest(ctx); err != nil {
		return fmt.Errorf("cannot read the manifest of image %s: %w", img.ID, err)
	}
	x.mime = manifest.NormalizedMIMEType(x.mime)
	switch x.mime {
	case manifest.DockerV2Schema1MediaType, manifest.DockerV2Schema1SignedMediaType:
		return fmt.Errorf("image %s has docker's old manifest format (schema 1), which cannot be sent\n  fix: pull it again, from a registry that converts it", img.ID)
	}
	if manifest.MIMETypeIsMultiImage(x.mime) {
		return fmt.Errorf("%s is a list of images\n  fix: --all to send all of them", img.ID)
	}
	if x.image, err = image.FromUnparsedImage(ctx, sys, x.unparsed); err != nil {
		return fmt.Errorf("cannot read the manifest of image %s: %w", img.ID, err)
	}
	config, err := x.image.OCIConfig(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the configuration of image %s: %w", img.ID, err)
	}
	if x.layers, err = layersOf(s, img, config.RootFS.DiffIDs, sys.BigFilesTemporaryDir); err != nil {
		return err
	}
	if x.infos = x.image.LayerInfos(); len(x.infos) != len(x.layers) {
		return fmt.Errorf("the manifest of image %s has %d layers, its configuration %d", img.ID, len(x.infos), len(x.layers))
	}
	return nil
}
