//go:build containers_image_openpgp

package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"coracle/storage/engine/decode"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// Bounds of what docker's manifest.json may ask for.
const (
	maxImages = 1000
	maxTags   = 1000
	// A layer that is compressed in the archive grows at most so many times, or to
	// so many bytes: gzip reaches 1032, real layers 10.
	maxGrowth     = 200
	growthAllowed = 1 << 30
)

// dockerItem is an image in docker's manifest.json.
type dockerItem struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func dockerImages(t tree, at place) ([]Image, error) {
	data, err := readSmall(t, "manifest.json")
	if err != nil {
		return nil, err
	}
	var items []dockerItem
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, bad("manifest.json: %w", err)
	}
	if len(items) == 0 || len(items) > maxImages {
		return nil, bad("manifest.json has %d images, 1 to %d are taken", len(items), maxImages)
	}
	var images []Image
	for i, item := range items {
		if len(item.RepoTags) > maxTags {
			return nil, bad("image %d has %d names, at most %d are taken", i+1, len(item.RepoTags), maxTags)
		}
		images = append(images, Image{Names: item.RepoTags, Ref: &ref{
			place: at, what: fmt.Sprintf("@%d", i),
			make: func() (content, error) { return newDockerImage(t, item) },
		}})
	}
	return images, nil
}

// dockerImage is an image as `docker save` writes it: a configuration, and
// layers by name, without digests of their own. The manifest is made up as the
// image library does it, so that podman's load of the same file leads to the
// same digest.
type dockerImage struct {
	t        tree
	config   []byte
	manifest []byte
	layers   map[digest.Digest]string // names by diff id
}

func newDockerImage(t tree, item dockerItem) (*dockerImage, error) {
	d := &dockerImage{t: t, layers: make(map[digest.Digest]string)}
	var err error
	if d.config, err = readSmall(t, item.Config); err != nil {
		return nil, err
	}
	var config struct {
		RootFS struct {
			DiffIDs []digest.Digest `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(d.config, &config); err != nil {
		return nil, bad("%q: %w", item.Config, err)
	}
	diffIDs := config.RootFS.DiffIDs
	if len(diffIDs) != len(item.Layers) {
		return nil, bad("%q lists %d layers, manifest.json %d", item.Config, len(diffIDs), len(item.Layers))
	}
	m := manifest.Schema2{
		SchemaVersion: 2, MediaType: manifest.DockerV2Schema2MediaType,
		ConfigDescriptor: manifest.Schema2Descriptor{
			MediaType: manifest.DockerV2Schema2ConfigMediaType, Size: int64(len(d.config)), Digest: digest.FromBytes(d.config),
		},
		LayersDescriptors: []manifest.Schema2Descriptor{},
	}
	sizes := make(map[digest.Digest]int64)
	for i, id := range diffIDs {
		if err := id.Validate(); err != nil {
			return nil, bad("%q: layer %d: %w", item.Config, i+1, err)
		}
		if _, ok := d.layers[id]; !ok {
			d.layers[id] = item.Layers[i]
			if sizes[id], err = plainSize(t, item.Layers[i]); err != nil {
				return nil, err
			}
		}
		m.LayersDescriptors = append(m.LayersDescriptors, manifest.Schema2Descriptor{
			MediaType: manifest.DockerV2Schema2LayerMediaType, Digest: id, Size: sizes[id],
		})
	}
	d.manifest, err = json.Marshal(&m)
	return d, err
}

// plainSize is a layer's size without compression.
func plainSize(t tree, name string) (int64, error) {
	in, size, err := t.open(name)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	plain, kind, err := decode.Open(in)
	if err != nil {
		return 0, bad("%q: %w", name, err)
	}
	defer plain.Close()
	if kind == "" {
		return size, nil
	}
	most := growthAllowed + maxGrowth*min(size, 1<<40)
	n, err := io.Copy(io.Discard, io.LimitReader(plain, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("it grows to more than %d bytes when decompressed", most)
	}
	if err != nil {
		return 0, bad("%q: %w", name, err)
	}
	return n, nil
}

func (d *dockerImage) getManifest(instance *digest.Digest) ([]byte, string, error) {
	if instance != nil {
		return nil, "", bad("it has no list of images")
	}
	return d.manifest, manifest.DockerV2Schema2MediaType, nil
}

func (d *dockerImage) getBlob(_ context.Context, info types.BlobInfo) (io.ReadCloser, int64, error) {
	if info.Digest == digest.FromBytes(d.config) {
		return io.NopCloser(bytes.NewReader(d.config)), int64(len(d.config)), nil
	}
	name, ok := d.layers[info.Digest]
	if !ok {
		return nil, 0, bad("it has no layer %s", info.Digest)
	}
	in, _, err := d.t.open(name)
	if err != nil {
		return nil, 0, err
	}
	plain, _, err := decode.Open(in)
	if err != nil {
		in.Close()
		return nil, 0, bad("%q: %w", name, err)
	}
	return both{plain, in}, info.Size, nil
}

// both is a stream and the file that it is made from.
type both struct {
	io.ReadCloser
	in io.Closer
}

func (b both) Close() error {
	err := b.ReadCloser.Close()
	if ierr := b.in.Close(); err == nil {
		err = ierr
	}
	return err
}

// tagsOf are names that may be names.
func tagsOf(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" || len(n) > maxName })
}
