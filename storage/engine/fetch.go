//go:build containers_image_openpgp

package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/transports"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
)

// found is an image at its origin, its manifest read and allowed, its layers
// not yet fetched.
type found struct {
	src      types.ImageSource
	top      *image.UnparsedImage // what the origin's name stands for, perhaps a list
	unparsed *image.UnparsedImage // the one for our platform
	image    types.Image
	manifest []byte
	digest   digest.Digest // of manifest
}

// fetch brings an origin's image into the store, unless it is there, and
// returns its id. Local names follow it.
func (e *engine) fetch(ctx context.Context, o *origin) (id string, changed bool, err error) {
	var f *found
	err = e.again(ctx, func() error {
		f, err = e.look(ctx, o)
		return err
	})
	if err != nil {
		return "", false, err
	}
	defer f.src.Close()
	id = f.image.ConfigInfo().Digest.Encoded()
	for try := 1; ; try++ {
		changed, err = e.bring(ctx, o, f, id)
		if try == 5 || !gone(err) || ctx.Err() != nil {
			return id, changed, err
		}
	}
}

// errGone says that another process removed what was there a moment ago.
var errGone = errors.New("another program removed it")

// gone tells that of an error: a removal of the image, by us or podman, came
// between two steps.
func gone(err error) bool {
	for _, target := range []error{errGone, storage.ErrImageUnknown, storage.ErrLayerUnknown, storage.ErrNotAnImage, storage.ErrNotALayer, storage.ErrParentUnknown, storage.ErrNotAnID} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// bring copies the image unless it is there, and names it.
func (e *engine) bring(ctx context.Context, o *origin, f *found, id string) (changed bool, err error) {
	if have, err := e.store.Image(id); err == nil && have.ID == id && e.complete(have, f) {
		if err := e.checkSquashedImage(o, have); err != nil {
			return false, err
		}
		return e.addNames(have, o.names)
	}
	if err := e.copy(ctx, o, f, id); err != nil {
		return false, err
	}
	if have, err := e.store.Image(id); err == nil {
		_, err = e.addNames(have, o.names)
		return true, err
	}
	return false, failf(record.ErrStore, "the image %s was stored and is gone again: %w", id, errGone)
}

// look reads what the origin has under its name, chooses the platform and asks
// the policy. The caller closes found.src.
func (e *engine) look(ctx context.Context, o *origin) (_ *found, err error) {
	f := &found{}
	if f.src, err = o.ref.NewImageSource(ctx, e.sys); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.src.Close()
		}
	}()
	f.top = image.UnparsedInstance(f.src, nil)
	blob, _, err := f.top.Manifest(ctx)
	if err != nil {
		return nil, err
	}
	if got, err := manifest.Digest(blob); o.digest != "" && (err != nil || got != o.digest) {
		return nil, mismatch("the manifest", o.digest, got)
	}
	if f.unparsed, err = instance(ctx, e.sys, f.src, f.top); err != nil {
		return nil, err
	}
	if err = e.allowed(ctx, o, f.unparsed); err != nil {
		return nil, err
	}
	return f, e.read(ctx, f)
}

// read takes the manifest and the configuration in and refuses what we cannot
// run.
func (e *engine) read(ctx context.Context, f *found) error {
	blob, mime, err := f.unparsed.Manifest(ctx)
	if err != nil {
		return err
	}
	f.manifest = blob
	switch manifest.NormalizedMIMEType(mime) {
	case manifest.DockerV2Schema1MediaType, manifest.DockerV2Schema1SignedMediaType:
		return failf(record.ErrUnsupported, "%s has docker's old manifest format (schema 1), which proves nothing of its layers\n"+
			"  fix: push the image again with a docker of 2017 or later", transports.ImageName(f.src.Reference()))
	}
	if f.digest, err = manifest.Digest(blob); err != nil {
		return failf(record.ErrCorrupt, "the manifest cannot be read: %w", err)
	}
	if f.image, err = image.FromUnparsedImage(ctx, e.sys, f.unparsed); err != nil {
		return failf(record.ErrCorrupt, "the manifest cannot be read: %w", err)
	}
	return e.checkImage(ctx, f)
}

func (e *engine) checkImage(ctx context.Context, f *found) error {
	info := f.image.ConfigInfo()
	if err := info.Digest.Validate(); err != nil || info.Digest.Algorithm() != digest.SHA256 {
		return failf(record.ErrUnsupported, "the image's configuration is named %q, not by a SHA-256", info.Digest)
	}
	config, err := f.image.OCIConfig(ctx)
	if err != nil {
		var artifact manifest.NonImageArtifactError
		if errors.As(err, &artifact) {
			return failf(record.ErrUnsupported, "this is no container image: %w", err)
		}
		if kind, _ := kindOf(err); kind != record.ErrInternal {
			return err
		}
		return failf(record.ErrCorrupt, "the image's configuration: %w", err)
	}
	if !fits(config, e.req.Platform) || config.OS != "linux" && config.OS != "" {
		return failf(record.ErrPlatform, "the image is made for %s, not for %s", platformName(config.OS, config.Architecture, config.Variant), cmp.Or(e.req.Platform, "linux"))
	}
	layers := f.image.LayerInfos()
	if len(layers) > record.MaxLayers {
		return failf(record.ErrUnsupported, "the image has %d layers, overlayfs stacks at most %d", len(layers), record.MaxLayers)
	}
	if n := len(config.RootFS.DiffIDs); n != len(layers) {
		return failf(record.ErrCorrupt, "the manifest has %d layers, the configuration %d", len(layers), n)
	}
	for i, l := range layers {
		if err := l.Digest.Validate(); err != nil {
			return failf(record.ErrCorrupt, "layer %d has the digest %q: %w", i+1, l.Digest, err)
		}
		if err := config.RootFS.DiffIDs[i].Validate(); err != nil {
			return failf(record.ErrCorrupt, "layer %d has the diff id %q: %w", i+1, config.RootFS.DiffIDs[i], err)
		}
	}
	return nil
}

// complete reports whether the store's image is known by the manifest at hand,
// and by the list it was chosen from: a lookup by either digest finds it then.
// When not, the copy below costs no download, for all layers are there.
func (e *engine) complete(have *storage.Image, f *found) bool {
	if !slices.Contains(have.Digests, f.digest) {
		return false
	}
	// The record is written first, then one item after the other: whoever was
	// killed between them left an image that is there, but not whole.
	for _, item := range []string{f.image.ConfigInfo().Digest.String(), storage.ImageDigestBigDataKey, "signature-" + f.digest.Encoded()} {
		if !slices.Contains(have.BigDataNames, item) {
			return false
		}
	}
	top, _, err := f.top.Manifest(context.Background()) // cached
	if err != nil {
		return false
	}
	d, err := manifest.Digest(top)
	return err == nil && slices.Contains(have.Digests, d)
}

// addNames makes names point to the image. The store takes them off any other.
func (e *engine) addNames(img *storage.Image, names []string) (changed bool, err error) {
	for _, name := range names {
		if slices.Contains(img.Names, name) {
			continue
		}
		if err := e.store.AddNames(img.ID, []string{name}); err != nil {
			return changed, failf(record.ErrStore, "cannot name the image %s %s: %w", img.ID, name, err)
		}
		changed = true
	}
	return changed, nil
}

// mismatch is the error for content that is not what its name promised.
func mismatch(what string, want, got digest.Digest) error {
	return failf(record.ErrCorrupt, "%s does not have the digest it is named by:\n  wanted %s\n  got    %s", what, want, got)
}
