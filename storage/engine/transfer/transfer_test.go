//go:build containers_image_openpgp

package transfer

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/pkg/compression"
	"go.podman.io/image/v5/types"
)

func TestParseCompression(t *testing.T) {
	level := func(n int) *int { return &n }
	no := false
	for _, tt := range []struct {
		name   string
		level  *int
		force  *bool
		ok     bool
		want   string
		forced bool
	}{
		{"", nil, nil, true, "gzip", false}, {"gzip", level(9), nil, true, "gzip", true}, {"zstd", level(20), &no, true, "zstd", false},
		{"zstd:chunked", nil, nil, true, "zstd:chunked", true}, {"", level(10), nil, false, "", false}, {"zstd", level(0), nil, false, "", false},
		{"lz4", nil, nil, false, "", false}, {"bzip2", nil, nil, false, "", false},
	} {
		c, err := ParseCompression(tt.name, tt.level, tt.force)
		if (err == nil) != tt.ok || tt.ok && (c.algorithm().Name() != tt.want || c.Force != tt.forced) {
			t.Errorf("%+v: %+v %v", tt, c, err)
		}
	}
}

func TestAlgorithmOf(t *testing.T) {
	for mime, want := range map[string]string{
		imgspec.MediaTypeImageLayer: "", imgspec.MediaTypeImageLayerGzip: "gzip", imgspec.MediaTypeImageLayerZstd: "zstd",
		manifest.DockerV2Schema2LayerMediaType: "gzip", manifest.DockerV2SchemaLayerMediaTypeUncompressed: "", "x": "",
	} {
		if got := algorithmOf(types.BlobInfo{MediaType: mime}); got != want {
			t.Errorf("%s: %q", mime, got)
		}
	}
	info := types.BlobInfo{MediaType: imgspec.MediaTypeImageLayerZstd, Annotations: map[string]string{chunked + "x": "y", "mine": "kept"}}
	if got := algorithmOf(info); got != "zstd:chunked" {
		t.Errorf("%q", got)
	}
	if kept := withoutForm(info.Annotations); len(kept) != 1 || kept["mine"] != "kept" {
		t.Errorf("%v", kept)
	}
	zstd := Compression{Algorithm: &compression.Zstd, Force: true}
	for _, tt := range []struct {
		c    Compression
		name string
		oci  bool
		want bool
	}{
		{Compression{}, "gzip", false, true}, {Compression{}, "zstd", true, true}, {Compression{}, "zstd", false, false}, {Compression{}, "", true, false},
		{zstd, "gzip", true, false}, {zstd, "zstd", true, true}, {zstd, "zstd:chunked", true, false},
	} {
		if got := tt.c.accepts(tt.name, tt.oci); got != tt.want {
			t.Errorf("%+v", tt)
		}
	}
}

func TestChooseFormat(t *testing.T) {
	const oci, v2 = imgspec.MediaTypeImageManifest, manifest.DockerV2Schema2MediaType
	for _, tt := range []struct {
		own       string
		asked     Format
		supported []string
		algorithm string
		want      string
	}{
		{oci, "", nil, "gzip", oci}, {v2, "", nil, "gzip", v2}, {v2, "", nil, "zstd", oci}, {v2, FormatOCI, nil, "gzip", oci},
		{oci, "", []string{v2}, "gzip", v2}, {v2, "", []string{oci, v2}, "gzip", v2}, {oci, "", []string{"x", v2, oci}, "gzip", oci},
		{v2, FormatV2, nil, "zstd", ""}, {oci, "", []string{v2}, "zstd:chunked", ""}, {oci, FormatOCI, []string{v2}, "gzip", ""},
	} {
		got, err := chooseFormat(tt.own, tt.asked, tt.supported, tt.algorithm)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %q %v", tt, got, err)
		}
	}
	for s, ok := range map[string]bool{"": true, "oci": true, "v2s2": true, "docker": true, "v2s1": false, "x": false} {
		if _, err := ParseFormat(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestCompress(t *testing.T) {
	text := strings.Repeat("some text ", 100000)
	for _, name := range []string{"gzip", "zstd", "zstd:chunked"} {
		c, err := ParseCompression(name, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		in := io.Reader(strings.NewReader(text))
		want := text
		if name == "zstd:chunked" { // reads the tar that it compresses
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			writeMember(w, "f", int64(len(text)))
			io.WriteString(w, text)
			w.Close()
			in, want = &b, b.String()
		}
		z := c.compress(in)
		plain, isCompressed, err := compression.AutoDecompress(z)
		if err != nil || !isCompressed {
			t.Fatalf("%s: %v %v", name, isCompressed, err)
		}
		back, err := io.ReadAll(plain)
		if err != nil || string(back) != want {
			t.Errorf("%s: %d bytes of %d, %v", name, len(back), len(want), err)
		}
		drain(z)
		z.Close()
		if got := len(z.annotations) > 0; got != (name == "zstd:chunked") {
			t.Errorf("%s: annotations %v", name, z.annotations)
		}
	}
	// A source that fails must not look like the end; and a reader that goes away
	// must not leave a goroutine that waits.
	trouble := errors.New("trouble")
	z := Compression{}.compress(io.MultiReader(strings.NewReader(text), iotest.ErrReader(trouble)))
	if err := drain(z); !errors.Is(err, trouble) {
		t.Error(err)
	}
	z.Close()
	Compression{}.compress(strings.NewReader(text)).Close()
}

func TestCache(t *testing.T) {
	diff, one := digest.FromString("diff"), digest.FromString("one")
	c := &Cache{Dir: filepath.Join(t.TempDir(), "pushed")}
	if got := c.load(diff); got != nil {
		t.Errorf("%v", got)
	}
	v := variant{Digest: one, Size: 5, Algorithm: "zstd:chunked", Annotations: map[string]string{"a": "b"}}
	c.store(diff, v, "quay.io/a/b")
	c.store(diff, variant{Digest: diff, Size: 7, Algorithm: "gzip"}, "")
	c.store(diff, v, "quay.io/a/c")
	again := &Cache{Dir: c.Dir}
	got := again.load(diff)
	if len(got) != 2 || got[0].Digest != one || strings.Join(got[0].Places, " ") != "quay.io/a/c quay.io/a/b" || got[0].Annotations["a"] != "b" || got[1].Size != 7 {
		t.Errorf("%+v", got)
	}
	again.tell(one, "zstd:chunked", got[0].Places)
	scope := types.BICTransportScope{Opaque: "quay.io"}
	if found := again.blobs().CandidateLocations(docker.Transport, scope, one, false); len(found) != 2 {
		t.Errorf("%+v", found)
	}
	if found := again.blobs().CandidateLocations(docker.Transport, types.BICTransportScope{Opaque: "docker.io"}, one, false); len(found) != 0 {
		t.Errorf("another registry: %+v", found)
	}
	for range 30 {
		v.Digest = digest.FromString(string(v.Digest))
		c.store(diff, v, "")
	}
	for i := range 30 {
		c.store(diff, v, "quay.io/a/"+strings.Repeat("x", i+1))
	}
	if got = c.load(diff); len(got) != maxVariants || len(got[0].Places) != maxPlaces {
		t.Errorf("%d variants, %d places", len(got), len(got[0].Places))
	}
	for _, text := range []string{"", "{", `[{"Digest":"x"}]`, `[{"Digest":"` + string(one) + `","Size":-1,"Algorithm":"gzip"}]`, strings.Repeat(" ", maxCacheFile+1)} {
		os.WriteFile(c.path(diff), []byte(text), 0o600)
		if got := c.load(diff); len(got) != 0 {
			t.Errorf("%.20q: %+v", text, got)
		}
	}
	c.store(diff, v, "") // damage is mended
	if got := c.load(diff); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if got := c.load("sha256:../../x"); got != nil {
		t.Errorf("%+v", got)
	}
	(&Cache{}).store(diff, v, "x")
}
