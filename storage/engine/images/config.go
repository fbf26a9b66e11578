//go:build containers_image_openpgp

package images

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/engine/imageconf"
)

// maxBlob bounds a manifest and a configuration, in bytes (image/v5's own limit
// is 4 MiB).
const maxBlob = 4 << 20

// Content is an image's manifest and configuration, as they lie in the store.
type Content struct {
	Config imageconf.Image
	// Raw is the configuration's JSON.
	Raw json.RawMessage
	// MIMEType is the manifest's.
	MIMEType    string
	Annotations map[string]string
}

// Read reads them.
func Read(s *engine.Store, img *storage.Image) (*Content, error) {
	c, err := read(s, img)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration of image %s: %w\n  fix: coracle rmi %s, and pull it again", img.ID, err, img.ID)
	}
	return c, nil
}

func read(s *engine.Store, img *storage.Image) (*Content, error) {
	blob, err := bigData(s, img, storage.ImageDigestBigDataKey)
	if err != nil {
		return nil, err
	}
	c := &Content{MIMEType: manifest.GuessMIMEType(blob)}
	m, err := manifest.FromBlob(blob, c.MIMEType)
	if err != nil {
		return nil, err
	}
	if oci, ok := m.(*manifest.OCI1); ok {
		c.Annotations = oci.Annotations
	}
	// An image of docker's first format has no configuration beside its manifest.
	info := m.ConfigInfo()
	if info.Digest == "" {
		return nil, fmt.Errorf("its manifest is in docker's old format (schema 1)")
	}
	if c.Raw, err = bigData(s, img, info.Digest.String()); err != nil {
		return nil, err
	}
	if got := info.Digest.Algorithm().FromBytes(c.Raw); got != info.Digest {
		return nil, fmt.Errorf("it has the digest %s instead of %s", got, info.Digest)
	}
	return c, json.Unmarshal(c.Raw, &c.Config)
}

func bigData(s *engine.Store, img *storage.Image, key string) ([]byte, error) {
	if size := img.BigDataSizes[key]; size > maxBlob {
		return nil, fmt.Errorf("%s has %d bytes, the limit is %d", key, size, maxBlob)
	}
	if _, err := digest.Parse(key); err != nil && key != storage.ImageDigestBigDataKey {
		return nil, fmt.Errorf("the manifest names the configuration by %q: %w", key, err)
	}
	return s.ImageBigData(img.ID, key)
}

// platform is os/arch[/variant].
func platform(c *imgspec.Image) string {
	name := c.OS + "/" + c.Architecture
	if c.Variant != "" {
		name += "/" + c.Variant
	}
	return name
}
