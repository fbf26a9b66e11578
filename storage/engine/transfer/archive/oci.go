//go:build containers_image_openpgp

package archive

import (
	"context"
	"encoding/json"
	"io"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// ociImages are the images of an OCI layout (image-spec, image-layout.md).
func ociImages(t tree, at place) ([]Image, error) {
	data, err := readSmall(t, "index.json")
	if err != nil {
		return nil, err
	}
	var index imgspec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, bad("index.json: %w", err)
	}
	if len(index.Manifests) == 0 || len(index.Manifests) > maxImages {
		return nil, bad("index.json has %d images, 1 to %d are taken", len(index.Manifests), maxImages)
	}
	var images []Image
	seen := make(map[digest.Digest]int)
	for i, d := range index.Manifests {
		if err := d.Digest.Validate(); err != nil {
			return nil, bad("index.json, image %d: %w", i+1, err)
		}
		name := d.Annotations["io.containerd.image.name"]
		if name == "" {
			name = d.Annotations[imgspec.AnnotationRefName]
		}
		// One image under several names is listed once for each.
		if j, ok := seen[d.Digest]; ok {
			images[j].Names = append(images[j].Names, name)
			continue
		}
		seen[d.Digest] = len(images)
		images = append(images, Image{Names: []string{name}, Digest: d.Digest, Ref: &ref{
			place: at, what: d.Digest.String(),
			make: func() (content, error) { return &ociImage{t, d}, nil },
		}})
	}
	return images, nil
}

type ociImage struct {
	t   tree
	top imgspec.Descriptor
}

func (o *ociImage) getManifest(instance *digest.Digest) ([]byte, string, error) {
	d, mime := o.top.Digest, o.top.MediaType
	if instance != nil {
		d, mime = *instance, ""
	}
	name, err := blobName(d)
	if err != nil {
		return nil, "", err
	}
	data, err := readSmall(o.t, name)
	if err != nil {
		return nil, "", err
	}
	if mime == "" {
		mime = manifest.GuessMIMEType(data)
	}
	return data, mime, nil
}

func (o *ociImage) getBlob(_ context.Context, info types.BlobInfo) (io.ReadCloser, int64, error) {
	name, err := blobName(info.Digest)
	if err != nil {
		return nil, 0, err
	}
	return o.t.open(name)
}

func blobName(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil {
		return "", bad("the digest %q: %w", d, err)
	}
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded(), nil
}
