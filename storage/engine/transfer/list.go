//go:build containers_image_openpgp

package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	istorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"coracle/storage/engine"
)

// list sends every image of the list that img stands for or was chosen from,
// then the list.
func (p *Push) list(ctx context.Context, img *storage.Image, dest types.ImageDestination) ([]byte, *image.UnparsedImage, error) {
	blob, mime, err := listOf(p.Store, img)
	if err != nil {
		return nil, nil, err
	}
	list, err := manifest.ListFromBlob(blob, mime)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the list: %w", err)
	}
	var updates []manifest.ListUpdate
	same := true
	for _, d := range list.Instances() {
		update, err := p.instance(ctx, d, dest)
		if err != nil {
			return nil, nil, fmt.Errorf("%s of the list: %w", d, err)
		}
		same = same && update.Digest == d
		updates = append(updates, update)
	}
	if !same {
		if blob, err = updated(list, updates); err != nil {
			return nil, nil, fmt.Errorf("cannot write the list: %w", err)
		}
	}
	if err := dest.PutManifest(ctx, blob, nil); err != nil {
		return nil, nil, fmt.Errorf("cannot store the list: %w", err)
	}
	if p.Sign != nil {
		signature, err := p.Sign(blob)
		if err == nil {
			err = dest.PutSignatures(ctx, [][]byte{signature}, nil)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	ref, err := istorage.Transport.NewStoreReference(p.Store.Store, nil, img.ID)
	if err != nil {
		return nil, nil, err
	}
	src, err := ref.NewImageSource(ctx, p.Sys)
	if err != nil {
		return nil, nil, err
	}
	defer src.Close()
	return blob, image.UnparsedInstance(src, nil), nil
}

// updated is the list with its images as they are at the destination, all in
// one format.
func updated(list manifest.List, updates []manifest.ListUpdate) ([]byte, error) {
	list = list.Clone()
	if err := list.UpdateInstances(updates); err != nil {
		return nil, err
	}
	if want := listMIME(updates[0].MediaType); want != list.MIMEType() {
		var err error
		if list, err = manifest.ConvertListToMIMEType(list, want); err != nil {
			return nil, err
		}
	}
	return list.Serialize()
}

// instance sends one image of a list.
func (p *Push) instance(ctx context.Context, d digest.Digest, dest types.ImageDestination) (manifest.ListUpdate, error) {
	var u manifest.ListUpdate
	images, err := p.Store.ImagesByDigest(d)
	if err != nil && !errors.Is(err, storage.ErrImageUnknown) {
		return u, err
	}
	for _, img := range images {
		blob, err := p.Store.ImageBigData(img.ID, storage.ImageDigestBigDataKey)
		if err != nil {
			return u, err
		}
		// Others may be known by the digest of a list that they are in.
		if have, err := manifest.Digest(blob); err != nil || have != d {
			continue
		}
		x, err := openStored(ctx, p.Store, p.Sys, img)
		if err != nil {
			return u, err
		}
		defer x.src.Close()
		out, err := put(ctx, x, dest, &p.Options, true)
		if err != nil {
			return u, err
		}
		u.Size, u.MediaType = int64(len(out)), manifest.GuessMIMEType(out)
		u.Digest, err = manifest.Digest(out)
		return u, err
	}
	return u, fmt.Errorf("%w: it is not in the store\n  fix: coracle pull --platform … each of them, or push without --all", ErrNoList)
}

// listOf finds the list: the image's own manifest, or one that it was pulled by.
func listOf(s *engine.Store, img *storage.Image) (blob []byte, mime string, err error) {
	keys := []string{storage.ImageDigestBigDataKey}
	for _, d := range img.Digests {
		if d.Validate() == nil {
			keys = append(keys, storage.ImageDigestManifestBigDataNamePrefix+"-"+d.String())
		}
	}
	for _, key := range keys {
		blob, err := s.ImageBigData(img.ID, key)
		if err != nil {
			continue // not every digest has its manifest there
		}
		if mime := manifest.GuessMIMEType(blob); manifest.MIMETypeIsMultiImage(mime) {
			return blob, mime, nil
		}
	}
	return nil, "", fmt.Errorf("%w: the image is none of a list\n  fix: push without --all", ErrNoList)
}
