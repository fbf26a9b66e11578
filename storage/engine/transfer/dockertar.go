//go:build containers_image_openpgp

package transfer

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// dockerTar is a types.ImageDestination that writes docker's archive format to a
// stream, several images into one: blobs as they come, manifest.json at the end.
// The library's writer needs a file that it can seek in. The same images give
// the same bytes.
type dockerTar struct {
	out   *tar.Writer
	tmp   string
	names []string // of the image that comes next
	have  map[string]bool
	items []dockerTarItem
}

type dockerTarItem struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func newDockerTar(out io.Writer, tmp string) *dockerTar {
	return &dockerTar{out: tar.NewWriter(out), tmp: tmp, have: make(map[string]bool)}
}

// finish writes what lists the images, and the archive's end.
func (d *dockerTar) finish() error {
	data, err := json.Marshal(d.items)
	if err != nil {
		return err
	}
	if err := writeMember(d.out, "manifest.json", int64(len(data))); err != nil {
		return err
	}
	if _, err := d.out.Write(data); err != nil {
		return err
	}
	return d.out.Close()
}

// writeMember begins a file whose time and owner say nothing.
func writeMember(w *tar.Writer, name string, size int64) error {
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o444, Format: tar.FormatUSTAR})
}

func layerName(d digest.Digest) string  { return d.Encoded() + ".tar" }
func configName(d digest.Digest) string { return d.Encoded() + ".json" }

// PutBlob implements types.ImageDestination.
func (d *dockerTar) PutBlob(_ context.Context, in io.Reader, info types.BlobInfo, _ types.BlobInfoCache, isConfig bool) (types.BlobInfo, error) {
	if info.Digest == "" {
		return info, errors.New("a layer without a digest")
	}
	name := layerName(info.Digest)
	if isConfig {
		name = configName(info.Digest)
	}
	if d.have[name] {
		return info, nil
	}
	if info.Size < 0 { // a tar says it first
		f, err := os.CreateTemp(d.tmp, "layer-")
		if err != nil {
			return info, err
		}
		defer f.Close()
		os.Remove(f.Name())
		if info.Size, err = io.Copy(f, in); err != nil {
			return info, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return info, err
		}
		in = f
	}
	err := writeMember(d.out, name, info.Size)
	if err == nil {
		_, err = io.Copy(d.out, in)
	}
	if err == nil {
		err = d.out.Flush()
	}
	d.have[name] = err == nil
	return info, err
}

// TryReusingBlob implements types.ImageDestination.
func (d *dockerTar) TryReusingBlob(_ context.Context, info types.BlobInfo, _ types.BlobInfoCache, _ bool) (bool, types.BlobInfo, error) {
	return d.have[layerName(info.Digest)], info, nil
}

// PutManifest implements types.ImageDestination.
func (d *dockerTar) PutManifest(_ context.Context, blob []byte, instance *digest.Digest) error {
	if instance != nil {
		return errors.New("docker's archives hold no lists of images")
	}
	m, err := manifest.Schema2FromManifest(blob)
	if err != nil {
		return fmt.Errorf("cannot read the manifest: %w", err)
	}
	item := dockerTarItem{Config: configName(m.ConfigDescriptor.Digest), RepoTags: d.names, Layers: []string{}}
	for _, l := range m.LayersDescriptors {
		item.Layers = append(item.Layers, layerName(l.Digest))
	}
	d.items = append(d.items, item)
	return nil
}

// The rest of types.ImageDestination.

func (*dockerTar) Reference() types.ImageReference { return nil }
func (*dockerTar) Close() error                    { return nil }
func (*dockerTar) SupportedManifestMIMETypes() []string {
	return []string{manifest.DockerV2Schema2MediaType}
}
func (*dockerTar) SupportsSignatures(context.Context) error {
	return errors.New("docker's archives hold no signatures")
}
func (*dockerTar) DesiredLayerCompression() types.LayerCompression { return types.Decompress }
func (*dockerTar) AcceptsForeignLayerURLs() bool                   { return false }
func (*dockerTar) MustMatchRuntimeOS() bool                        { return false }
func (*dockerTar) IgnoresEmbeddedDockerReference() bool            { return true }
func (*dockerTar) HasThreadSafePutBlob() bool                      { return false }
func (*dockerTar) PutSignatures(context.Context, [][]byte, *digest.Digest) error {
	return nil
}
func (*dockerTar) Commit(context.Context, types.UnparsedImage) error { return nil }
