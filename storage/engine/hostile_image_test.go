//go:build containers_image_openpgp

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// evilSource is an image whose manifests and configuration somebody made up.
type evilSource struct {
	types.ImageSource // panics where it is asked for more
	top, one, config  []byte
}

func (s *evilSource) Reference() types.ImageReference { return evilReference{} }
func (s *evilSource) Close() error                    { return nil }

func (s *evilSource) GetManifest(_ context.Context, instance *digest.Digest) ([]byte, string, error) {
	blob := s.top
	if instance != nil {
		blob = s.one
	}
	return blob, manifest.GuessMIMEType(blob), nil
}

func (s *evilSource) GetBlob(context.Context, types.BlobInfo, types.BlobInfoCache) (io.ReadCloser, int64, error) {
	return io.NopCloser(bytes.NewReader(s.config)), int64(len(s.config)), nil
}

func (s *evilSource) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	return nil, nil
}

type evilReference struct{ types.ImageReference }

func (evilReference) Transport() types.ImageTransport     { return evilTransport{} }
func (evilReference) StringWithinTransport() string       { return "evil" }
func (evilReference) PolicyConfigurationIdentity() string { return "" }

func (evilReference) DockerReference() reference.Named { return nil }

type evilTransport struct{ types.ImageTransport }

func (evilTransport) Name() string { return "evil" }

// readEvil reads an image whose manifest says CONFIG for its configuration's
// digest and SIZE for its length, below a list that says MANIFEST for that one's.
func readEvil(list, one, config string) (*found, error) {
	c := digest.FromString(config)
	one = strings.NewReplacer("CONFIG", c.String(), "SIZE", fmt.Sprint(len(config))).Replace(one)
	s := &evilSource{top: []byte(one), one: []byte(one), config: []byte(config)}
	if list != "" {
		s.top = []byte(strings.ReplaceAll(list, "MANIFEST", digest.FromString(one).String()))
	}
	e := &engine{sys: &types.SystemContext{OSChoice: "linux", ArchitectureChoice: "amd64"}, req: record.Request{Platform: "linux/amd64"}}
	f := &found{src: s}
	f.top = image.UnparsedInstance(s, nil)
	var err error
	if f.unparsed, err = instance(context.Background(), e.sys, s, f.top); err != nil {
		return nil, err
	}
	return f, e.read(context.Background(), f)
}

const (
	evilList   = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"MANIFEST","size":3,"platform":{"os":"linux","architecture":"amd64"}}]}`
	evilOne    = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"CONFIG","size":SIZE},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":5}]}`
	evilDocker = `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"CONFIG","size":SIZE},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":5}]}`
	evilConfig = `{"os":"linux","architecture":"amd64","config":{"Env":["A=b"],"Cmd":["x"],"Volumes":{"/v":{}}},"rootfs":{"type":"layers","diff_ids":["sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]}}`
)

// FuzzImage makes manifests, lists and configurations up. What is accepted keeps
// to what the rest of the engine relies on: as many layers as diff ids, not too
// many, all of them named by canonical digests.
func FuzzImage(f *testing.F) {
	f.Add("", evilOne, evilConfig)
	f.Add(evilList, evilOne, evilConfig)
	f.Add("", evilDocker, evilConfig)
	f.Add(strings.Replace(evilList, "manifests", "layers", 1), evilOne, evilConfig)
	f.Add("", strings.Replace(evilOne, "sha256:aaaa", "sha256:../../", 1), evilConfig)
	f.Add("", evilOne, strings.Replace(evilConfig, "sha256:bbbb", "sha256:/../", 1))
	f.Add("", `{"schemaVersion":1,"fsLayers":[],"history":[]}`, "{}")
	f.Fuzz(func(t *testing.T, list, one, config string) {
		got, err := readEvil(list, one, config)
		if err != nil {
			var kind record.Fault
			if errors.As(err, &kind) && strings.ContainsAny(err.Error(), "\x1b\x00") {
				t.Errorf("control characters in %q", err)
			}
			return
		}
		spec, err := got.image.OCIConfig(context.Background())
		if err != nil {
			t.Fatalf("accepted, and then: %v", err)
		}
		layers := got.image.LayerInfos()
		if len(layers) != len(spec.RootFS.DiffIDs) || len(layers) > record.MaxLayers {
			t.Fatalf("%d layers, %d diff ids", len(layers), len(spec.RootFS.DiffIDs))
		}
		for i, l := range layers {
			for _, d := range []digest.Digest{l.Digest, spec.RootFS.DiffIDs[i]} {
				if strings.ContainsAny(d.Encoded(), "/.%") || d.Validate() != nil {
					t.Fatalf("the digest %q is accepted", d)
				}
			}
		}
		if d := got.image.ConfigInfo().Digest; d != digest.FromString(config) {
			t.Fatalf("the configuration %s is accepted as %s", digest.FromString(config), d)
		}
		configOf(spec)
	})
}

// The seeds that must be accepted are: else the fuzzer would look at nothing.
func TestHonestImage(t *testing.T) {
	for name, args := range map[string][3]string{"one": {"", evilOne, evilConfig}, "list": {evilList, evilOne, evilConfig}, "docker": {"", evilDocker, evilConfig}} {
		if _, err := readEvil(args[0], args[1], args[2]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
