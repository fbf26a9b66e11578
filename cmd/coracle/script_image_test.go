package main_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rogpeppe/go-internal/testscript"

	"coracle/storage/engine/decode"
)

// cmdMkimage is `mkimage NAME [-FLAG VALUE]… LAYER…`: it makes a small image in
// OCI layout in the directory NAME, to be used as oci:NAME. See the README of
// the scripts.
func cmdMkimage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: mkimage NAME [-FLAG VALUE]… LAYER…")
	}
	img, layers, err := parseImage(args[1:])
	ts.Check(err)
	l := &layout{dir: ts.MkAbs(args[0])}
	ts.Check(os.MkdirAll(filepath.Join(l.dir, "blobs/sha256"), 0o755))
	for _, layer := range layers {
		if strings.Contains(layer, ".tar.") {
			ts.Check(l.takeLayer(ts.MkAbs(layer)))
			continue
		}
		data, err := makeLayer(layer, ts.MkAbs)
		if err != nil {
			ts.Fatalf("layer %s: %v", layer, err)
		}
		ts.Check(l.addLayer(data, img.gzip))
	}
	ts.Check(l.finish(img))
}

// image is what the flags say.
type image struct {
	config imgspec.ImageConfig
	// health is docker's, which OCI has no word for: JSON.
	health   json.RawMessage
	platform imgspec.Platform
	tag      string
	gzip     bool
	history  bool // one step for each layer: buildah insists
}

// imageFlags are the flags of mkimage: each sets a field from its value.
func imageFlags() map[string]func(*image, string) error {
	words := func(to func(*image) *[]string) func(*image, string) error {
		return func(img *image, v string) error {
			if strings.HasPrefix(v, "[") {
				return json.Unmarshal([]byte(v), to(img))
			}
			*to(img) = strings.Fields(v)
			return nil
		}
	}
	text := func(to func(*image) *string) func(*image, string) error {
		return func(img *image, v string) error { *to(img) = v; return nil }
	}
	set := func(m *map[string]struct{}, v string) error {
		if *m == nil {
			*m = map[string]struct{}{}
		}
		(*m)[v] = struct{}{}
		return nil
	}
	return map[string]func(*image, string) error{
		"entrypoint": words(func(i *image) *[]string { return &i.config.Entrypoint }),
		"cmd":        words(func(i *image) *[]string { return &i.config.Cmd }),
		"user":       text(func(i *image) *string { return &i.config.User }),
		"workdir":    text(func(i *image) *string { return &i.config.WorkingDir }),
		"stopsignal": text(func(i *image) *string { return &i.config.StopSignal }),
		"arch":       text(func(i *image) *string { return &i.platform.Architecture }),
		"os":         text(func(i *image) *string { return &i.platform.OS }),
		"tag":        text(func(i *image) *string { return &i.tag }),
		"env":        func(i *image, v string) error { i.config.Env = append(i.config.Env, v); return nil },
		"volume":     func(i *image, v string) error { return set(&i.config.Volumes, v) },
		"expose":     func(i *image, v string) error { return set(&i.config.ExposedPorts, v) },
		"health":     func(i *image, v string) error { i.health = json.RawMessage(v); return nil },
		"gzip":       func(i *image, v string) error { i.gzip = v == "yes"; return nil },
		"history":    func(i *image, v string) error { i.history = v == "yes"; return nil },
		"label": func(i *image, v string) error {
			key, value, _ := strings.Cut(v, "=")
			if i.config.Labels == nil {
				i.config.Labels = map[string]string{}
			}
			i.config.Labels[key] = value
			return nil
		},
	}
}

func parseImage(args []string) (image, []string, error) {
	img := image{tag: "latest", platform: imgspec.Platform{Architecture: runtime.GOARCH, OS: "linux"}}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		set := imageFlags()[args[0][1:]]
		if set == nil || len(args) < 2 {
			return img, nil, fmt.Errorf("flag %s is unknown or lacks its value", args[0])
		}
		if err := set(&img, args[1]); err != nil {
			return img, nil, fmt.Errorf("flag %s: %w", args[0], err)
		}
		args = args[2:]
	}
	return img, args, nil
}

// layout is an image in the making: image-spec, image-layout.md.
type layout struct {
	dir    string
	layers []imgspec.Descriptor
	diffs  []digest.Digest
}

// blob writes data under its digest.
func (l *layout) blob(mediaType string, data []byte) (imgspec.Descriptor, error) {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	err := os.WriteFile(filepath.Join(l.dir, "blobs/sha256", name), data, 0o644)
	return imgspec.Descriptor{MediaType: mediaType, Digest: digest.Digest("sha256:" + name), Size: int64(len(data))}, err
}

func (l *layout) json(mediaType string, v any) (imgspec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return imgspec.Descriptor{}, err
	}
	return l.blob(mediaType, data)
}

func (l *layout) addLayer(data []byte, compress bool) error {
	sum := sha256.Sum256(data)
	l.diffs = append(l.diffs, digest.Digest("sha256:"+hex.EncodeToString(sum[:])))
	mediaType := imgspec.MediaTypeImageLayer
	if compress {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		data, mediaType = b.Bytes(), imgspec.MediaTypeImageLayerGzip
	}
	d, err := l.blob(mediaType, data)
	l.layers = append(l.layers, d)
	return err
}

// takeLayer takes a gzipped layer as it is; it may be larger than memory.
func (l *layout) takeLayer(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	blob := sha256.New()
	z, _, err := decode.Open(io.TeeReader(f, blob))
	if err != nil {
		return err
	}
	plain := sha256.New()
	if _, err := io.Copy(plain, z); err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	name := hex.EncodeToString(blob.Sum(nil))
	l.diffs = append(l.diffs, digest.Digest("sha256:"+hex.EncodeToString(plain.Sum(nil))))
	l.layers = append(l.layers, imgspec.Descriptor{MediaType: imgspec.MediaTypeImageLayerGzip, Digest: digest.Digest("sha256:" + name), Size: fi.Size()})
	return os.Link(path, filepath.Join(l.dir, "blobs/sha256", name))
}

func (l *layout) finish(img image) error {
	var steps []imgspec.History
	if img.history {
		for i := range l.diffs {
			steps = append(steps, imgspec.History{CreatedBy: fmt.Sprintf("mkimage, layer %d", i+1)})
		}
	}
	config, err := l.json(imgspec.MediaTypeImageConfig, withHealth(imgspec.Image{
		Platform: img.platform, Config: img.config,
		RootFS: imgspec.RootFS{Type: "layers", DiffIDs: l.diffs}, History: steps,
	}, img.health))
	if err != nil {
		return err
	}
	manifest, err := l.json(imgspec.MediaTypeImageManifest, imgspec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest,
		Config: config, Layers: l.layers,
	})
	if err != nil {
		return err
	}
	manifest.Annotations = map[string]string{imgspec.AnnotationRefName: img.tag}
	index, err := json.Marshal(imgspec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex,
		Manifests: []imgspec.Descriptor{manifest},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(l.dir, "index.json"), index, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
}

// makeLayer makes the tar archive of one layer: "busybox", a directory, or a
// file of recipe lines.
func makeLayer(what string, abs func(string) string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	fi, err := os.Stat(abs(what))
	switch {
	case what == "busybox":
		err = busyboxLayer(w)
	case err != nil:
	case fi.IsDir():
		err = directoryLayer(w, abs(what))
	default:
		err = recipeLayer(w, abs(what), abs)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// busyboxLayer is a file system for tests: a static busybox with all its
// names in /bin, the users root, daemon, nobody and "user" (1000), /tmp.
func busyboxLayer(w *tar.Writer) error {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("%w\n  fix: make test-setup", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	names, err := exec.Command(path, "--list").Output()
	if err != nil {
		return err
	}
	lines := []string{"dir bin", "dir etc", "dir proc", "dir sys", "dir dev", "dir root mode=0700", "dir tmp mode=01777",
		"dir home/user owner=1000:1000", `file etc/passwd = "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nuser:x:1000:1000::/home/user:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"`,
		`file etc/group = "root:x:0:\ndaemon:x:1:\nvideo:x:44:user\nuser:x:1000:\nnogroup:x:65534:\n"`}
	if err := recipe(w, strings.Join(lines, "\n"), nil); err != nil {
		return err
	}
	if err := entry(w, tar.Header{Name: "bin/busybox", Mode: 0o755}, data); err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(names)) {
		if name == "busybox" || strings.Contains(name, "/") {
			continue
		}
		if err := entry(w, tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777}, nil); err != nil {
			return err
		}
	}
	return nil
}

// directoryLayer takes a tree as it is, owned by root.
func directoryLayer(w *tar.Writer, top string) error {
	return filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == top {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		link := ""
		if e.Type()&os.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(fi, link)
		if err != nil {
			return err
		}
		if h.Name, err = filepath.Rel(top, path); err != nil {
			return err
		}
		h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
		var data []byte
		if fi.Mode().IsRegular() {
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		return entry(w, *h, data)
	})
}

// entry writes one member with fixed times, so that equal layers have equal
// digests. Without a type it is a regular file.
func entry(w *tar.Writer, h tar.Header, data []byte) error {
	if h.Typeflag == 0 {
		h.Typeflag = tar.TypeReg
	}
	h.Size = int64(len(data))
	h.Format = tar.FormatPAX
	h.ModTime, h.AccessTime, h.ChangeTime = epoch(), noTime(), noTime()
	if err := w.WriteHeader(&h); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func TestMkimage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("tree/etc/motd", "hello\n")
	write("recipe", "ln link -> /etc/passwd\nwhiteout etc/motd\nfile f mode=04755 owner=1:2 xattr.user.a=b = \"x\\ny\"\nchar dev/null 1 3 mode=0666\n")
	abs := func(name string) string { return filepath.Join(dir, name) }
	var names []string
	for _, layer := range []string{"tree", "recipe"} {
		data, err := makeLayer(layer, abs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := makeLayer(layer, abs)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s: two layers differ, %v", layer, err)
		}
		for r := tar.NewReader(bytes.NewReader(data)); ; {
			h, err := r.Next()
			if err != nil {
				break
			}
			names = append(names, fmt.Sprintf("%c %s %o %d:%d %s", h.Typeflag, h.Name, h.Mode, h.Uid, h.Gid, h.Linkname))
		}
	}
	want := []string{"5 etc 755 0:0 ", "0 etc/motd 644 0:0 ", "2 link 777 0:0 /etc/passwd", "0 etc/.wh.motd 644 0:0 ", "0 f 4755 1:2 ", "3 dev/null 666 0:0 "}
	if strings.Join(names, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	for _, args := range [][]string{{"-cmd"}, {"-moon", "x"}, {"-cmd", "["}} {
		if _, _, err := parseImage(args); err == nil {
			t.Errorf("%q passes", args)
		}
	}
}

// withHealth is a configuration that says how to check a container's health.
func withHealth(i imgspec.Image, health json.RawMessage) any {
	type config struct {
		imgspec.ImageConfig
		Healthcheck json.RawMessage `json:",omitempty"`
	}
	return struct {
		imgspec.Image
		Config config `json:"config"`
	}{i, config{i.Config, health}}
}
