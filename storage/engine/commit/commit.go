//go:build containers_image_openpgp

package commit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/engine/imageconf"
	"coracle/storage/record"
)

// Params say what image to make.
type Params struct {
	Names []string // complete ones, see [Name]
	// Base is the image beneath, its configuration as it is there; nil for none.
	Base *imageconf.Image
	// Config is the new image's, before Changes.
	Config  imageconf.Config
	Changes []string // Dockerfile instructions
	// Layer writes the new layer, a tar stream without compression.
	Layer func(ctx context.Context, w io.Writer) error
	// Squash says that Layer has all of Base's files, too.
	Squash bool
	Docker bool // docker's manifest instead of the OCI's

	Author, Message string
	By              string // the command that made the layer
	Created         time.Time
}

// Name completes the name of an image that was made here: localhost/ is where
// images come from that name no registry, as with podman.
func Name(word string) (string, error) {
	first, _, slash := strings.Cut(word, "/")
	if !slash || !strings.ContainsAny(first, ".:") && first != "localhost" {
		word = "localhost/" + word
	}
	named, err := reference.ParseNormalizedNamed(word)
	if err != nil {
		return "", fmt.Errorf("%q is no image name: %w\n  fix: lower-case letters, as in myimage or registry.example/me/image:tag", strings.TrimPrefix(word, "localhost/"), err)
	}
	if _, digested := named.(reference.Digested); digested {
		return "", fmt.Errorf("%q: an image that is made now cannot have a digest chosen for it\n  fix: leave out the part from @ on", word)
	}
	return reference.TagNameOnly(named).String(), nil
}

// Run makes the image and returns its id.
func Run(ctx context.Context, s *engine.Store, p Params) (id string, notes []string, err error) {
	image, err := p.image()
	if err != nil {
		return "", nil, err
	}
	dir, done, err := s.Scratch()
	if err != nil {
		return "", nil, fmt.Errorf("cannot make room for the layer: %w", err)
	}
	defer done()
	// The digest must be known before the layer can be taken in, and a running
	// container would not give the same bytes twice.
	blob, err := p.spool(ctx, filepath.Join(dir, "layer"))
	if err != nil {
		return "", nil, err
	}
	image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, blob.digest)
	src, err := p.source(s, image, blob)
	if err != nil {
		return "", nil, err
	}
	// Owners beyond the user's ids come from an image that was squashed: they are in
	// the layer, and root's on disk, as that image has it.
	return s.Take(ctx, engine.Taking{What: "the new image", Ref: src, Names: p.Names, Trusted: true, IDs: record.IDsSquash})
}

// image is the new image's configuration, but for the layer's digest.
func (p *Params) image() (*imageconf.Image, error) {
	image := &imageconf.Image{}
	image.OS, image.Architecture = "linux", runtime.GOARCH
	if p.Base != nil {
		*image = *p.Base
	}
	if p.Squash || p.Base == nil {
		image.History, image.RootFS.DiffIDs = nil, nil
	}
	image.RootFS.Type = "layers"
	// Not the base's own: what is appended must not show there.
	image.RootFS.DiffIDs = append([]digest.Digest(nil), image.RootFS.DiffIDs...)
	image.History = append([]imgspec.History(nil), image.History...)
	created := p.Created.UTC()
	image.Created, image.Comment = &created, p.Message
	if p.Author != "" {
		image.Author = p.Author
	}
	image.Config = p.Config
	if err := imageconf.Apply(&image.Config, p.Changes); err != nil {
		return nil, err
	}
	image.History = append(image.History, imageconf.Entry(created, p.By, p.Author, p.Message, p.Changes, false))
	return image, nil
}

// blob is the new layer in a file.
type blob struct {
	path   string
	digest digest.Digest
	size   int64
}

func (p *Params) spool(ctx context.Context, path string) (blob, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return blob{}, err
	}
	defer f.Close()
	sum := digest.Canonical.Digester()
	w := bufio.NewWriterSize(io.MultiWriter(f, sum.Hash()), 256<<10)
	if err := p.Layer(ctx, w); err != nil {
		return blob{}, err
	}
	if err := w.Flush(); err != nil {
		return blob{}, fmt.Errorf("cannot write the layer: %w", err)
	}
	fi, err := f.Stat()
	if err != nil {
		return blob{}, err
	}
	return blob{path, sum.Digest(), fi.Size()}, nil
}

// source describes the image as something to be pulled.
func (p *Params) source(s *engine.Store, image *imageconf.Image, top blob) (*source, error) {
	config, err := json.Marshal(image)
	if err != nil {
		return nil, err
	}
	src := &source{config: config, layer: top}
	var layers []imgspec.Descriptor
	for _, id := range image.RootFS.DiffIDs {
		size := top.size
		if id != top.digest {
			if size, err = layerSize(s, id); err != nil {
				return nil, err
			}
		}
		layers = append(layers, imgspec.Descriptor{MediaType: layerType(p.Docker), Digest: id, Size: size})
	}
	src.manifest, src.mime, err = manifestOf(config, layers, p.Docker)
	return src, err
}

func layerType(docker bool) string {
	if docker {
		return manifest.DockerV2SchemaLayerMediaTypeUncompressed
	}
	return imgspec.MediaTypeImageLayer
}

func layerSize(s *engine.Store, id digest.Digest) (int64, error) {
	same, err := s.LayersByUncompressedDigest(id)
	if errors.Is(err, storage.ErrLayerUnknown) || err == nil && len(same) == 0 {
		return 0, fmt.Errorf("the image's layer %s is not in the store any more", id)
	}
	if err != nil {
		return 0, err
	}
	return same[0].UncompressedSize, nil
}

func manifestOf(config []byte, layers []imgspec.Descriptor, docker bool) (data []byte, mime string, err error) {
	about := imgspec.Descriptor{MediaType: imgspec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))}
	if !docker {
		m := manifest.OCI1FromComponents(about, layers)
		m.MediaType = imgspec.MediaTypeImageManifest
		data, err = m.Serialize()
		return data, imgspec.MediaTypeImageManifest, err
	}
	list := make([]manifest.Schema2Descriptor, len(layers))
	for i, l := range layers {
		list[i] = manifest.Schema2Descriptor{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size}
	}
	m := manifest.Schema2FromComponents(manifest.Schema2Descriptor{MediaType: manifest.DockerV2Schema2ConfigMediaType, Digest: about.Digest, Size: about.Size}, list)
	data, err = m.Serialize()
	return data, manifest.DockerV2Schema2MediaType, err
}
