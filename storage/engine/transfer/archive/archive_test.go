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

// TestHostile has archives that somebody made to hurt.
func TestHostile(t *testing.T) {
	item := func(config string, layers ...string) entry {
		data, _ := json.Marshal([]dockerItem{{Config: config, Layers: layers}})
		return entry{name: "manifest.json", data: string(data)}
	}
	conf := entry{name: "c", data: config("l")}
	for name, tt := range map[string]struct {
		entries []entry
		say     string
	}{
		"empty":                   {nil, "it is empty"},
		"no image":                {[]entry{{name: "x"}}, "coracle import"},
		"absolute name":           {[]entry{{name: "/etc/passwd"}}, "leads out"},
		"parent":                  {[]entry{{name: "a/../../x"}}, "leads out"},
		"link out":                {[]entry{{name: "a/b", kind: tar.TypeSymlink, link: "../../x"}}, "leads out"},
		"absolute link":           {[]entry{{name: "a", kind: tar.TypeSymlink, link: "/etc/passwd"}}, "leads out"},
		"hard link out":           {[]entry{{name: "a/b", kind: tar.TypeLink, link: "../x"}}, "leads out"},
		"device":                  {[]entry{{name: "a", kind: tar.TypeChar}}, "neither file"},
		"pipe":                    {[]entry{{name: "a", kind: tar.TypeFifo}}, "neither file"},
		"long name":               {[]entry{{name: strings.Repeat("x/", 3000) + "y"}}, "longer than"},
		"twice, different":        {[]entry{{name: "a", data: "1"}, {name: "./a", data: "2"}}, "twice"},
		"twice, link":             {[]entry{{name: "a", data: "1"}, {name: "a", kind: tar.TypeSymlink, link: "b"}}, "twice"},
		"no JSON":                 {[]entry{{name: "manifest.json", data: "x"}}, "manifest.json"},
		"no images":               {[]entry{{name: "manifest.json", data: "[]"}}, "0 images"},
		"many images":             {[]entry{{name: "manifest.json", data: "[" + strings.Repeat("{},", 1000) + "{}]"}}, "1001 images"},
		"huge manifest":           {[]entry{{name: "manifest.json", data: strings.Repeat(" ", maxJSON+1)}}, "at most"},
		"huge index":              {[]entry{{name: "index.json", data: strings.Repeat(" ", maxJSON+1)}}, "at most"},
		"bad index":               {[]entry{{name: "index.json", data: "{"}}, "index.json"},
		"empty index":             {[]entry{{name: "index.json", data: "{}"}}, "0 images"},
		"digest with a path":      {[]entry{{name: "index.json", data: `{"manifests":[{"digest":"sha256:../../x"}]}`}}, "index.json"},
		"manifest.json is a loop": {[]entry{{name: "manifest.json", kind: tar.TypeSymlink, link: "m"}, {name: "m", kind: tar.TypeSymlink, link: "manifest.json"}}, "link to a link"},
		"no configuration":        {[]entry{item("none")}, `no "none"`},
		"configuration out":       {[]entry{item("../../etc/passwd")}, "leads out"},
		"huge configuration":      {[]entry{item("c"), {name: "c", data: strings.Repeat(" ", maxJSON+1)}}, "at most"},
		"bad configuration":       {[]entry{item("c"), {name: "c", data: "["}}, `"c"`},
		"missing layer":           {[]entry{item("c", "l"), conf}, `no "l"`},
		"layer out":               {[]entry{item("c", "/dev/zero"), conf}, "leads out"},
		"too many layers":         {[]entry{item("c", "l", "l"), conf, {name: "l", data: "l"}}, "lists 1 layers, manifest.json 2"},
		"bad diff id":             {[]entry{item("c", "l"), {name: "c", data: `{"rootfs":{"diff_ids":["sha256:x"]}}`}, {name: "l"}}, "layer 1"},
		"bad compression":         {[]entry{item("c", "l"), conf, {name: "l", data: gz(strings.Repeat("l", 10000))[:30]}}, `"l"`},
	} {
		a, err := open(t, pack(t, tt.entries...))
		if err == nil {
			_, err = a.Images[0].Ref.NewImageSource(context.Background(), nil)
		}
		if !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: %v, want %q", name, err, tt.say)
		}
	}
}

// TestTwice has a member that comes twice with the same content, as some tools
// write it.
func TestTwice(t *testing.T) {
	e := dockerFile()
	if _, err := open(t, pack(t, append(e, e[3])...)); err != nil {
		t.Error(err)
	}
}

func TestTruncated(t *testing.T) {
	whole := pack(t, dockerFile()...)
	for _, n := range []int{100, 700, 1200, 2100} {
		a, err := open(t, whole[:n])
		if !errors.Is(err, ErrArchive) {
			t.Errorf("%d bytes: %+v %v", n, a, err)
		}
	}
	// Sizes that lie.
	long := bytes.Replace(whole, []byte("00000000003"), []byte("77777777777"), 1)
	if _, err := open(t, long); !errors.Is(err, ErrArchive) {
		t.Errorf("a size of eight gigabytes: %v", err)
	}
}

func TestManyEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("short: a hundred thousand entries")
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range maxEntries + 1 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if _, err := open(t, b.Bytes()); !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// TestHostileDirectory has links and pipes in the place of files.
func TestHostileDirectory(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"link out": func(p string) error { return os.Symlink("/etc/passwd", p) },
		"pipe":     mkfifo,
		"dir":      func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, "index.json")); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := Open(f, dir); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(f, "x"); !errors.Is(err, ErrArchive) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(pack(f, dockerFile()...))
	f.Add(pack(f, ociFile(f)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := readIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for name, m := range x.members {
			if !filepath.IsLocal(name) || m.link != "" && !filepath.IsLocal(m.link) {
				t.Errorf("%q -> %q", name, m.link)
			}
			if m.link == "" && (m.offset < 0 || m.size < 0 || m.offset+m.size > int64(len(data))) {
				t.Errorf("%q lies at %d+%d of %d", name, m.offset, m.size, len(data))
			}
		}
		for _, images := range []func(tree, place) ([]Image, error){dockerImages, ociImages} {
			all, err := images(x, place{})
			if err != nil {
				continue
			}
			for _, i := range all {
				src, err := i.Ref.NewImageSource(context.Background(), nil)
				if err != nil {
					continue
				}
				_, _, _ = src.GetManifest(context.Background(), nil)
			}
		}
	})
}
