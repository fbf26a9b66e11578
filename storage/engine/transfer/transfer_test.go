//go:build containers_image_openpgp

package transfer

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
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

	"coracle/storage/engine"
)

func TestNameOf(t *testing.T) {
	names := []string{"docker.io/library/debian:12", "localhost/app:latest", "quay.io/team/app:1"}
	for word, want := range map[string]string{
		"docker.io/library/debian:12": "docker.io/library/debian:12", "debian:12": "docker.io/library/debian:12",
		"app": "localhost/app:latest", "localhost/app": "localhost/app:latest", "app:1": "quay.io/team/app:1",
		"team/app:1": "quay.io/team/app:1", "debian": "", "0123456789ab": "", "Bad Name": "", "": "",
	} {
		if got := NameOf(names, word); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestParseDestination(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dest, want := range map[string]string{
		"quay.io/a/b": "docker://quay.io/a/b:latest", "docker://quay.io/a/b:1": "docker://quay.io/a/b:1", "debian": "docker://debian:latest",
		"localhost:5000/x": "docker://localhost:5000/x:latest", "oci:d:n": "oci:d:n", "dir:d": "dir:d",
		"oci-archive:f:n": "oci-archive:f:n", "docker-archive:f:n:1": "docker-archive:f:docker.io/library/n:1",
	} {
		ref, err := ParseDestination(&engine.Store{}, dest)
		if err != nil {
			t.Errorf("%q: %v", dest, err)
			continue
		}
		// Files are made absolute.
		got := ref.Transport().Name() + ":" + strings.Replace(ref.StringWithinTransport(), here+"/", "", 1)
		if got != want {
			t.Errorf("%q: %q, want %q", dest, got, want)
		}
	}
	for dest, say := range map[string]string{
		"localhost/x": "this machine's", "docker-daemon:x": "not supported", "Bad Name": "no image name", "containers-storage:[x]y": "another store",
		"oci-archive:": "names no file", "oci::x": "names no file",
	} {
		if ref, err := ParseDestination(&engine.Store{}, dest); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v %v, want %q", dest, ref, err, say)
		}
	}
}

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

func TestChecked(t *testing.T) {
	check := func(ctx context.Context, text, want string, size int64) error {
		return drain(newChecked(ctx, io.NopCloser(strings.NewReader(text)), digest.FromString(want), size))
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := check(ctx, "abc", "abc", 3); err != nil {
		t.Error(err)
	}
	if err := check(ctx, "abc", "abc", -1); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct{ text, want string }{{"abc", "abd"}, {"abc", "ab"}, {"", "abc"}, {"abcd", "abc"}} {
		if err := check(ctx, tt.text, tt.want, 3); !errors.Is(err, ErrLayer) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	cancel()
	if err := check(ctx, "abc", "abc", 3); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestLayerFiles has names and links that would lead out of a layer.
func TestLayerFiles(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "diff")
	os.MkdirAll(filepath.Join(dir, "usr/lib"), 0o700)
	os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o600)
	os.WriteFile(filepath.Join(dir, "usr/lib/f"), []byte("inside"), 0o600)
	os.Symlink("/usr/lib", filepath.Join(dir, "lib"))
	os.Symlink("../secret", filepath.Join(dir, "out"))
	os.Symlink("/proc/self/exe", filepath.Join(dir, "magic"))
	files, err := openFiles([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	defer files.close()
	for name, want := range map[string]string{"usr/lib/f": "inside", "lib/f": "inside", "./usr/../lib/f": "inside"} {
		r, err := files.Get(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if data, _ := io.ReadAll(r); string(data) != want {
			t.Errorf("%s: %q", name, data)
		}
		r.Close()
	}
	for _, name := range []string{"../secret", "out", "/../secret", "magic", "usr", "none", ""} {
		if r, err := files.Get(name); err == nil {
			data, _ := io.ReadAll(r)
			t.Errorf("%q: %q", name, data)
		}
	}
	if _, err := openFiles([]string{dir, filepath.Join(dir, "none")}); err == nil {
		t.Error("a directory that is not there")
	}
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

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	file := func(names ...string) {
		path := filepath.Join(append([]string{dir}, names...)...)
		os.MkdirAll(filepath.Dir(path), 0o700)
		os.WriteFile(path, []byte(strings.Join(names, "/")), 0o600)
	}
	file("new", "a")
	file("image", "oci-layout")
	file("mine", "letter")
	os.Mkdir(filepath.Join(dir, "empty"), 0o700)
	for name, ok := range map[string]bool{"image": true, "empty": true, "none": true, "mine": false, "mine/letter": false} {
		if err := replaceable(filepath.Join(dir, name)); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, to := range []string{"none", "empty", "image"} {
		file("new", "a")
		if err := replace(filepath.Join(dir, "new"), filepath.Join(dir, to)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, to, "a")); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new", "oci-layout")); err != nil {
		t.Errorf("the old one: %v", err)
	}
}

func TestTarDir(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o700)
	for _, name := range []string{"index.json", "blobs/sha256/b", "blobs/sha256/a"} {
		os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600)
	}
	var b bytes.Buffer
	if err := tarDir(context.Background(), &b, dir); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		data, _ := io.ReadAll(r)
		if h.Typeflag == tar.TypeReg && string(data) != h.Name || h.ModTime.Unix() != 0 || h.Uid != 0 {
			t.Errorf("%+v %q", h, data)
		}
		names = append(names, h.Name)
	}
	if got := strings.Join(names, " "); got != "blobs/ blobs/sha256/ blobs/sha256/a blobs/sha256/b index.json" {
		t.Error(got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tarDir(ctx, io.Discard, dir); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestDockerTar(t *testing.T) {
	var b bytes.Buffer
	w := newDockerTar(&b, t.TempDir())
	put := func(text string, size int64, isConfig bool) digest.Digest {
		t.Helper()
		d := digest.FromString(text)
		if _, err := w.PutBlob(context.Background(), strings.NewReader(text), types.BlobInfo{Digest: d, Size: size}, nil, isConfig); err != nil {
			t.Fatal(err)
		}
		return d
	}
	layer, config := put("layer", 5, false), put("{}", 2, true)
	put("layer", 5, false) // twice
	other := put("unknown size", -1, false)
	if there, _, _ := w.TryReusingBlob(context.Background(), types.BlobInfo{Digest: layer}, nil, false); !there {
		t.Error("the layer is not there")
	}
	m, _ := json.Marshal(manifest.Schema2{SchemaVersion: 2, MediaType: manifest.DockerV2Schema2MediaType,
		ConfigDescriptor:  manifest.Schema2Descriptor{Digest: config, MediaType: manifest.DockerV2Schema2ConfigMediaType},
		LayersDescriptors: []manifest.Schema2Descriptor{{Digest: layer, MediaType: manifest.DockerV2Schema2LayerMediaType}, {Digest: other, MediaType: manifest.DockerV2Schema2LayerMediaType}}})
	w.names = []string{"localhost/x:1"}
	if err := w.PutManifest(context.Background(), m, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.finish(); err != nil {
		t.Fatal(err)
	}
	var names []string
	var last []byte
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		last, _ = io.ReadAll(r)
		names = append(names, h.Name)
	}
	if len(names) != 4 || names[3] != "manifest.json" {
		t.Errorf("%q", names)
	}
	var items []dockerTarItem
	if err := json.Unmarshal(last, &items); err != nil || len(items) != 1 || items[0].Config != config.Encoded()+".json" || len(items[0].Layers) != 2 {
		t.Errorf("%s %v", last, err)
	}
	if _, err := w.PutBlob(context.Background(), strings.NewReader("x"), types.BlobInfo{Size: -1}, nil, false); err == nil {
		t.Error("a layer without a digest")
	}
	if err := w.PutManifest(context.Background(), m, &layer); err == nil {
		t.Error("a list in docker's archive")
	}
}

func TestKey(t *testing.T) {
	for registry, want := range map[string][2]string{
		"quay.io": {"quay.io", "quay.io"}, "https://quay.io/": {"quay.io", "quay.io"}, "http://localhost:5000": {"localhost:5000", "localhost:5000"},
		"quay.io/team": {"quay.io/team", "quay.io"},
	} {
		key, host, err := Key(registry)
		if err != nil || key != want[0] || host != want[1] {
			t.Errorf("%q: %q %q %v", registry, key, host, err)
		}
	}
	for _, registry := range []string{"", "/", "https://", "a b", "ana@quay.io", "quay.io/a:1", "quay.io//x", "quay.io?x", "quay\nio"} {
		if key, _, err := Key(registry); err == nil {
			t.Errorf("%q: %q", registry, key)
		}
	}
}

func TestFilter(t *testing.T) {
	s := &Search{}
	for _, f := range []string{"stars=3", "is-official", "is-automated=false"} {
		if err := s.Filter(f); err != nil {
			t.Error(err)
		}
	}
	for _, f := range []string{"stars", "stars=-1", "stars=x", "is-official=x", "x", ""} {
		if err := s.Filter(f); err == nil {
			t.Errorf("%q passes", f)
		}
	}
	for want, h := range map[bool]Hit{true: {Stars: 3, Official: true}, false: {Stars: 2, Official: true}} {
		if s.wants(h) != want {
			t.Errorf("%+v", h)
		}
	}
	if s.wants(Hit{Stars: 5}) || s.wants(Hit{Stars: 5, Official: true, Automated: true}) {
		t.Error("what was not asked for")
	}
	if h := hit("docker.io", docker.SearchResult{Name: "debian"}); h.Name != "docker.io/library/debian" {
		t.Error(h)
	}
}

func TestProgress(t *testing.T) {
	var silent *Progress
	silent.Say("x")
	in := strings.NewReader("x")
	if r, end := silent.follow("", 1, in); r != io.Reader(in) {
		t.Error("a silent one reads along")
	} else {
		end()
	}
	var b bytes.Buffer
	p := &Progress{out: &b, cols: 30}
	d := digest.FromString("x")
	r, end := p.follow(d, 4_000_000, bytes.NewReader(make([]byte, 4_000_000)))
	r.Read(make([]byte, 1_000_000))
	end()
	p.blob(d, "done")
	if want := "\r\x1b[K" + d.Encoded()[:12] + " 1.0 MB of 4.0 MB\r\x1b[KCopying blob " + d.Encoded()[:12] + " done\n"; b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}
