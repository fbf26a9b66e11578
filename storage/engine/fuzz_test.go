//go:build containers_image_openpgp

package engine

import (
	"bytes"
	"context"
	"io"
	"testing"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/types"
)

// A textSource has a manifest, under every digest, and a configuration.
type textSource struct {
	types.ImageSource
	manifest, config []byte
}

func (s *textSource) Reference() types.ImageReference {
	ref, _ := docker.ParseReference("//example.org/x:1")
	return ref
}

func (s *textSource) GetManifest(context.Context, *digest.Digest) ([]byte, string, error) {
	return s.manifest, "", nil
}

func (s *textSource) GetBlob(context.Context, types.BlobInfo, types.BlobInfoCache) (io.ReadCloser, int64, error) {
	return io.NopCloser(bytes.NewReader(s.config)), int64(len(s.config)), nil
}

func (s *textSource) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	return nil, nil
}

func (s *textSource) HasThreadSafeGetBlob() bool { return true }

// FuzzManifest reads any manifest, list and configuration. What is accepted has
// digests that are fit to be names of files, one for each layer.
func FuzzManifest(f *testing.F) {
	const d = `"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`), []byte(`{}`))
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":`+d+`,"size":0},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":1,"digest":`+d+`}]}`), []byte(``))
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":`+d+`,"size":1,"platform":{"architecture":"amd64","os":"linux"}}]}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, manifest, config []byte) {
		ctx := context.Background()
		e := &engine{}
		var err error
		if e.sys, err = systemContext(&record.Request{Platform: "linux/amd64"}); err != nil {
			t.Fatal(err)
		}
		found := &found{src: &textSource{manifest: manifest, config: config}}
		found.top = image.UnparsedInstance(found.src, nil)
		if found.unparsed, err = instance(ctx, e.sys, found.src, found.top); err != nil {
			return
		}
		if err := e.read(ctx, found); err != nil {
			return
		}
		c, err := found.image.OCIConfig(ctx)
		if err != nil {
			t.Fatalf("it was accepted: %v", err)
		}
		layers := found.image.LayerInfos()
		if len(layers) != len(c.RootFS.DiffIDs) || len(layers) > record.MaxLayers {
			t.Fatalf("%d layers, %d diff ids", len(layers), len(c.RootFS.DiffIDs))
		}
		for i, l := range layers {
			if l.Digest.Validate() != nil || c.RootFS.DiffIDs[i].Validate() != nil {
				t.Fatalf("digests %q, %q", l.Digest, c.RootFS.DiffIDs[i])
			}
		}
		for _, id := range chain(c.RootFS.DiffIDs) {
			if !isID(id) {
				t.Fatalf("a layer would be called %q", id)
			}
		}
	})
}
