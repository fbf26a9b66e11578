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

// openList finds the list that img stands for or was chosen from, and all its
// images.
func (p *Push) openList(ctx context.Context, img *storage.Image) (send sender, done func(), err error) {
	blob, mime, err := listOf(p.Store, img)
	if err != nil {
		return nil, nil, err
	}
	list, err := manifest.ListFromBlob(blob, mime)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the list: %w", err)
	}
	l := &sendingList{Push: p, list: list, blob: blob}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	ref, err := istorage.Transport.NewStoreReference(p.Store.Store, nil, img.ID)
	if err != nil {
		return nil, nil, err
	}
	if l.src, err = ref.NewImageSource(ctx, p.Sys); err != nil {
		return nil, nil, err
	}
	for _, d := range list.Instances() {
		x, err := p.instance(ctx, d)
		if err != nil {
			return nil, nil, fmt.Errorf("%s of the list: %w", d, err)
		}
		l.images = append(l.images, x)
	}
	if len(l.images) == 0 {
		return nil, nil, fmt.Errorf("%w: it is empty", ErrNoList)
	}
	return func(dest types.ImageDestination) ([]byte, *image.UnparsedImage, error) { return l.send(ctx, dest) }, l.close, nil
}

// sendingList is a list of images on its way.
type sendingList struct {
	*Push
	list   manifest.List
	blob   []byte
	src    types.ImageSource // of the image that the list was found with
	images []*stored
}

func (l *sendingList) close() {
	for _, x := range l.images {
		x.src.Close()
	}
	if l.src != nil {
		l.src.Close()
	}
}

// send sends every image, then the list.
func (l *sendingList) send(ctx context.Context, dest types.ImageDestination) ([]byte, *image.UnparsedImage, error) {
	var updates []manifest.ListUpdate
	same := true
	for i, d := range l.list.Instances() {
		out, err := put(ctx, l.images[i], dest, &l.Options, true)
		if err != nil {
			return nil, nil, fmt.Errorf("%s of the list: %w", d, err)
		}
		u := manifest.ListUpdate{Size: int64(len(out)), MediaType: manifest.GuessMIMEType(out)}
		if u.Digest, err = manifest.Digest(out); err != nil {
			return nil, nil, err
		}
		same = same && u.Digest == d
		updates = append(updates, u)
	}
	blob := l.blob
	if !same {
		var err error
		if blob, err = updated(l.list, updates); err != nil {
			return nil, nil, fmt.Errorf("cannot write the list: %w", err)
		}
	}
	if err := dest.PutManifest(ctx, blob, nil); err != nil {
		return nil, nil, fmt.Errorf("cannot store the list: %w", err)
	}
	if l.Sign != nil {
		signature, err := l.Sign(blob)
		if err == nil {
			err = dest.PutSignatures(ctx, [][]byte{signature}, nil)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if l.Attach != nil {
		if err := l.Attach(ctx, blob); err != nil {
			return nil, nil, err
		}
	}
	return blob, image.UnparsedInstance(l.src, nil), nil
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

// instance opens one image of a list.
func (p *Push) instance(ctx context.Context, d digest.Digest) (*stored, error) {
	images, err := p.Store.ImagesByDigest(d)
	if err != nil && !errors.Is(err, storage.ErrImageUnknown) {
		return nil, err
	}
	for _, img := range images {
		blob, err := p.Store.ImageBigData(img.ID, storage.ImageDigestBigDataKey)
		if err != nil {
			return nil, err
		}
		// Others may be known by the digest of a list that they are in.
		if have, err := manifest.Digest(blob); err == nil && have == d {
			return openStored(ctx, p.Store, p.Sys, img)
		}
	}
	return nil, fmt.Errorf("%w: it is not in the store\n  fix: coracle pull --platform … each of them, or push without --all", ErrNoList)
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
