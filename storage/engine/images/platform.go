//go:build containers_image_openpgp

package images

import (
	"fmt"

	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// ForPlatform returns the image for a platform, os/arch[/variant], that img stands
// for: itself, or another that was pulled from the same list. An empty platform is
// any. Errors: record.ErrUsage, record.ErrPlatform.
func ForPlatform(s *engine.Store, img *storage.Image, want string) (*storage.Image, error) {
	want, err := engine.ParsePlatform(want)
	if err != nil || want == "" {
		return img, err
	}
	c, err := Read(s, img)
	if err != nil || engine.Fits(&c.Config.Image, want) {
		return img, err
	}
	for _, d := range img.Digests {
		others, err := s.ImagesByDigest(d)
		if err != nil {
			continue // it has become another image's meanwhile
		}
		for _, other := range others {
			if o, err := read(s, other); err == nil && engine.Fits(&o.Config.Image, want) {
				return other, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: image %.12s is for %s, and none for %s is in the store\n  fix: coracle pull --platform %[4]s IMAGE",
		errPlatform, img.ID, platform(&c.Config.Image), want)
}

// errPlatform is record.ErrPlatform, worded for people.
var errPlatform error = wrongPlatform{}

type wrongPlatform struct{}

func (wrongPlatform) Error() string        { return "wrong platform" }
func (wrongPlatform) Is(target error) bool { return target == record.ErrPlatform }
