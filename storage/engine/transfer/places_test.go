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

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/manifest"
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
