//go:build containers_image_openpgp

package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"coracle/storage/engine"
)

// A Push sends one image, or a list of them, to one destination.
type Push struct {
	Options
	Store *engine.Store
	Sys   *types.SystemContext
	// All sends the list of images that the image was chosen from, and each image
	// of it.
	All bool
	// Retries is how often a push is tried again after a failure that may pass;
	// Delay is the wait between two tries, 0 for one that doubles from a second.
	Retries int
	Delay   time.Duration
}

// Run sends img to ref and returns the digest of the manifest that is there now.
// Errors: ErrSigned, ErrLayer, ErrNoList.
func (p *Push) Run(ctx context.Context, img *storage.Image, ref types.ImageReference) (digest.Digest, error) {
	if p.Cache == nil {
		p.Cache = &Cache{}
	}
	pause := p.Delay
	for try := 0; ; try++ {
		out, err := p.once(ctx, img, ref)
		if err == nil {
			return manifest.Digest(out)
		}
		if try >= p.Retries || ctx.Err() != nil || !engine.Passing(err) {
			return "", err
		}
		if pause == 0 {
			pause = time.Second
		}
		p.Progress.Say("trying again in %v: %v", pause, engine.Explain(ctx, err))
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
		if p.Delay == 0 {
			pause *= 2
		}
	}
}

func (p *Push) once(ctx context.Context, img *storage.Image, ref types.ImageReference) (out []byte, err error) {
	// Before the destination, which may be a directory that is made for it.
	send, done, err := p.open(ctx, img)
	if err != nil {
		return nil, err
	}
	defer done()
	dest, err := ref.NewImageDestination(ctx, p.Sys)
	if err != nil {
		return nil, fmt.Errorf("cannot write to %s: %w", refName(ref), err)
	}
	defer func() {
		if cerr := dest.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("cannot write to %s: %w", refName(ref), cerr)
		}
	}()
	out, top, err := send(dest)
	if err == nil {
		err = dest.Commit(ctx, top)
	}
	if err != nil {
		if named := ref.DockerReference(); named != nil && ref.Transport().Name() == "docker" {
			err = engine.At("", named, err)
		}
		return nil, fmt.Errorf("cannot push to %s: %w", refName(ref), err)
	}
	return out, nil
}

// sender sends to a destination and returns the manifest that is there then, and
// the one that the store has.
type sender func(types.ImageDestination) ([]byte, *image.UnparsedImage, error)

// open reads what is to be sent; done ends the use of the sender.
func (p *Push) open(ctx context.Context, img *storage.Image) (send sender, done func(), err error) {
	if p.All {
		return p.openList(ctx, img)
	}
	x, err := openStored(ctx, p.Store, p.Sys, img)
	if err != nil {
		return nil, nil, err
	}
	return func(dest types.ImageDestination) ([]byte, *image.UnparsedImage, error) {
		out, err := put(ctx, x, dest, &p.Options, false)
		return out, x.unparsed, err
	}, func() { x.src.Close() }, nil
}

func refName(ref types.ImageReference) string {
	if named := ref.DockerReference(); named != nil && ref.Transport().Name() == "docker" {
		return named.String()
	}
	return ref.Transport().Name() + ":" + ref.StringWithinTransport()
}

// ErrNoList is in the error of Push with All when the image is none of a list,
// or when the list's images are not all in the store.
var ErrNoList = errors.New("the list of images cannot be sent")
