//go:build containers_image_openpgp

package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// entry is a member of an archive; a link has a target.
type entry struct {
	name, data, link string
	kind             byte
	pax              map[string]string
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Size: int64(len(e.data)), Mode: 0o644, PAXRecords: e.pax}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, data []byte) (*Archive, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.tar")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(f, path)
	if err == nil {
		t.Cleanup(func() { a.Close() })
	}
	return a, err
}

func sum(s string) string { return digest.FromString(s).String() }

func config(layers ...string) string {
	var ids []string
	for _, l := range layers {
		ids = append(ids, fmt.Sprintf("%q", sum(l)))
	}
	return `{"os":"linux","rootfs":{"type":"layers","diff_ids":[` + strings.Join(ids, ",") + `]}}`
}

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// dockerFile is an archive of docker's with two images, one with two names,
// layers plain, compressed, and behind links.
func dockerFile() []entry {
	return []entry{
		{name: "./c1.json", data: config("one", "two")}, {name: "c2.json", data: config("one")},
		{name: "a/", kind: tar.TypeDir}, {name: "a/layer.tar", data: "one"}, {name: "b/layer.tar", data: gz("two")},
		{name: "c/layer.tar", kind: tar.TypeSymlink, link: "../a/layer.tar"},
		{name: "manifest.json", data: `[{"Config":"c1.json","RepoTags":["x:1","y:2"],"Layers":["a/layer.tar","b/layer.tar"]},{"Config":"c2.json","RepoTags":null,"Layers":["c/layer.tar"]}]`},
	}
}

func TestDocker(t *testing.T) {
	a, err := open(t, pack(t, dockerFile()...))
	if err != nil {
		t.Fatal(err)
	}
	if a.Kind != "docker-archive" || len(a.Images) != 2 || strings.Join(a.Images[0].Names, " ") != "x:1 y:2" || len(a.Images[1].Names) != 0 {
		t.Fatalf("%+v", a)
	}
	for i, want := range [][]string{{"one", "two"}, {"one"}} {
		src, err := a.Images[i].Ref.NewImageSource(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		blob, mime, err := src.GetManifest(context.Background(), nil)
		if err != nil || mime != manifest.DockerV2Schema2MediaType {
			t.Fatal(mime, err)
		}
		m, err := manifest.Schema2FromManifest(blob)
		if err != nil || len(m.LayersDescriptors) != len(want) {
			t.Fatal(m, err)
		}
		for j, l := range m.LayersDescriptors {
			if got := blobOf(t, src, l.Digest); got != want[j] || l.Size != int64(len(want[j])) {
				t.Errorf("image %d, layer %d: %q, %d bytes", i, j, got, l.Size)
			}
		}
		if got := blobOf(t, src, m.ConfigDescriptor.Digest); digest.FromString(got) != m.ConfigDescriptor.Digest {
			t.Errorf("configuration %q", got)
		}
		if _, _, err := src.GetBlob(context.Background(), types.BlobInfo{Digest: digest.Digest(sum("none"))}, nil); !errors.Is(err, ErrArchive) {
			t.Errorf("a blob that is not there: %v", err)
		}
		src.Close()
	}
}

func blobOf(t *testing.T, src types.ImageSource, d digest.Digest) string {
	t.Helper()
	r, _, err := src.GetBlob(context.Background(), types.BlobInfo{Digest: d, Size: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ociFile is a layout with one image under two names.
func ociFile(t testing.TB) []entry {
	blob := func(s string) entry {
		return entry{name: "blobs/sha256/" + digest.FromString(s).Encoded(), data: s}
	}
	m := `{"schemaVersion":2}`
	d := imgspec.Descriptor{MediaType: imgspec.MediaTypeImageManifest, Digest: digest.FromString(m), Size: int64(len(m))}
	one, two := d, d
	one.Annotations = map[string]string{imgspec.AnnotationRefName: "x:1"}
	two.Annotations = map[string]string{"io.containerd.image.name": "docker.io/library/y:2", imgspec.AnnotationRefName: "2"}
	index, err := json.Marshal(imgspec.Index{Manifests: []imgspec.Descriptor{one, two}})
	if err != nil {
		t.Fatal(err)
	}
	return []entry{blob(m), blob("layer"), {name: "oci-layout", data: "{}"}, {name: "index.json", data: string(index)}}
}

func TestOCI(t *testing.T) {
	fromTar, err := open(t, pack(t, ociFile(t)...))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, e := range ociFile(t) {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(e.name)), 0o700)
		if err := os.WriteFile(filepath.Join(dir, e.name), []byte(e.data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fromDir, err := Open(f, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fromDir.Close()
	for want, a := range map[string]*Archive{"oci-archive": fromTar, "oci": fromDir} {
		if a.Kind != want || len(a.Images) != 1 || strings.Join(a.Images[0].Names, " ") != "x:1 docker.io/library/y:2" {
			t.Fatalf("%+v", a)
		}
		src, err := a.Images[0].Ref.NewImageSource(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		blob, mime, err := src.GetManifest(context.Background(), nil)
		if err != nil || mime != imgspec.MediaTypeImageManifest || digest.FromBytes(blob) != a.Images[0].Digest {
			t.Errorf("%s: %q %v", want, blob, err)
		}
		if got := blobOf(t, src, digest.FromString("layer")); got != "layer" {
			t.Errorf("%s: %q", want, got)
		}
		for _, d := range []digest.Digest{digest.FromString("none"), "sha256:../../../etc/passwd", "x"} {
			if _, _, err := src.GetBlob(context.Background(), types.BlobInfo{Digest: d}, nil); !errors.Is(err, ErrArchive) {
				t.Errorf("%s: blob %s: %v", want, d, err)
			}
		}
	}
}
