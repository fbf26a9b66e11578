//go:build containers_image_openpgp

package engine

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestDamage imports images that are broken in one way each. Every one is an
// error of the right kind that says what is wrong, and leaves nothing.
func TestDamage(t *testing.T) {
	layer := func(n int) func(*testing.T, *layoutDir, imgspec.Descriptor) {
		return func(_ *testing.T, l *layoutDir, d imgspec.Descriptor) {
			l.flip(l.manifest(d).Layers[n].Digest, 40)
		}
	}
	// remade writes a manifest that was changed, with digests that match it.
	remade := func(change func(*layoutDir, *imgspec.Manifest)) func(*testing.T, *layoutDir, imgspec.Descriptor) {
		return func(_ *testing.T, l *layoutDir, d imgspec.Descriptor) {
			m := l.manifest(d)
			change(l, &m)
			l.index.Manifests = nil
			l.add(l.json(m.MediaType, m), "")
		}
	}
	for name, tt := range map[string]struct {
		break_ func(*testing.T, *layoutDir, imgspec.Descriptor)
		kind   record.Fault
		says   []string
	}{
		"first layer":  {layer(0), record.ErrCorrupt, []string{"layer 1 of 2", "wanted sha256:", "got    sha256:"}},
		"second layer": {layer(1), record.ErrCorrupt, []string{"layer 2 of 2", "wanted sha256:", "got    sha256:"}},
		"check sum of the compression": {func(_ *testing.T, l *layoutDir, d imgspec.Descriptor) {
			l.flip(l.manifest(d).Layers[1].Digest, -6)
		}, record.ErrCorrupt, []string{"layer 2 of 2", "wanted sha256:"}},
		"configuration": {func(_ *testing.T, l *layoutDir, d imgspec.Descriptor) {
			l.flip(l.manifest(d).Config.Digest, -3)
		}, record.ErrCorrupt, []string{"sha256:"}},
		"manifest": {func(_ *testing.T, l *layoutDir, d imgspec.Descriptor) { l.flip(d.Digest, 30) }, record.ErrCorrupt, []string{"the manifest", "wanted sha256:"}},
		"no layer": {func(t *testing.T, l *layoutDir, d imgspec.Descriptor) {
			if err := os.Remove(filepath.Join(l.path, "blobs/sha256", l.manifest(d).Layers[1].Digest.Encoded())); err != nil {
				t.Fatal(err)
			}
		}, record.ErrCorrupt, []string{"layer 2 of 2"}},
		"short layer": {func(t *testing.T, l *layoutDir, d imgspec.Descriptor) {
			if err := os.Truncate(filepath.Join(l.path, "blobs/sha256", l.manifest(d).Layers[1].Digest.Encoded()), 60); err != nil {
				t.Fatal(err)
			}
		}, record.ErrCorrupt, []string{"layer 2 of 2", "it has 60 bytes"}},
		"long layer": {func(t *testing.T, l *layoutDir, d imgspec.Descriptor) {
			f := filepath.Join("blobs/sha256", l.manifest(d).Layers[1].Digest.Encoded())
			data, err := os.ReadFile(filepath.Join(l.path, f))
			if err != nil {
				t.Fatal(err)
			}
			l.write(f, append(data, 0))
		}, record.ErrCorrupt, []string{"layer 2 of 2", "by the manifest"}},
		"diff id": {remade(func(l *layoutDir, m *imgspec.Manifest) {
			m.Layers[1] = m.Layers[0]
		}), record.ErrCorrupt, []string{"layer 2 of 2", "decompressed"}},
		"fewer layers than the configuration": {remade(func(l *layoutDir, m *imgspec.Manifest) {
			m.Layers = m.Layers[:1]
		}), record.ErrCorrupt, []string{"1 layers", "2"}},
		"hostile digest": {remade(func(l *layoutDir, m *imgspec.Manifest) {
			m.Layers[1].Digest = "sha256:../../../etc/passwd"
		}), record.ErrCorrupt, []string{"digest"}},
		"not a tar": {remade(func(l *layoutDir, m *imgspec.Manifest) {
			junk, _ := packed(l.t, []byte(strings.Repeat("junk", 600)), "gzip")
			m.Layers[1] = l.blob(m.Layers[1].MediaType, junk)
			m.Config = l.json(m.Config.MediaType, withDiffIDs(l, *m, 1, digest.FromString(strings.Repeat("junk", 600))))
		}), record.ErrCorrupt, []string{"layer 2 of 2", "cannot be unpacked"}},
		"ids that are not mapped": {remade(func(l *layoutDir, m *imgspec.Manifest) {
			plain := tarOf(l.t, []tar.Header{{Name: "f", Typeflag: tar.TypeReg, Uid: 172761424, Format: tar.FormatPAX}})
			data, _ := packed(l.t, plain, "gzip")
			m.Layers[1] = l.blob(m.Layers[1].MediaType, data)
			m.Config = l.json(m.Config.MediaType, withDiffIDs(l, *m, 1, digest.FromBytes(plain)))
		}), record.ErrIDs, []string{"layer 2 of 2", `entry "f": it belongs to user 172761424`, "sudo usermod --add-subuids ", " " + testUser, "--ids=squash"}},
		"encrypted": {remade(func(l *layoutDir, m *imgspec.Manifest) {
			m.Layers[1].MediaType += "+encrypted"
		}), record.ErrUnsupported, []string{"encrypted"}},
		"no image": {remade(func(l *layoutDir, m *imgspec.Manifest) {
			m.Config.MediaType = "application/vnd.example.thing+json"
		}), record.ErrUnsupported, []string{"no container image"}},
		"empty index": {func(_ *testing.T, l *layoutDir, _ imgspec.Descriptor) {
			l.write("index.json", []byte("{}"))
		}, record.ErrUsage, nil},
		"no index": {func(_ *testing.T, l *layoutDir, _ imgspec.Descriptor) { os.Remove(l.path + "/index.json") }, record.ErrCorrupt, nil},
		"no json":  {func(_ *testing.T, l *layoutDir, _ imgspec.Descriptor) { l.write("index.json", []byte("\x1b[2J")) }, record.ErrCorrupt, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l := newLayout(t, filepath.Join(w.home, "img"))
			d := l.image(twoLayers())
			l.add(d, "")
			tt.break_(t, l, d)
			w.fails(record.Request{Ref: "oci:img"}, tt.kind, tt.says...)
		})
	}
}

// withDiffIDs is m's configuration with another digest for one layer.
func withDiffIDs(l *layoutDir, m imgspec.Manifest, n int, d digest.Digest) imgspec.Image {
	l.t.Helper()
	var config imgspec.Image
	data, err := os.ReadFile(filepath.Join(l.path, "blobs/sha256", m.Config.Digest.Encoded()))
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	config.RootFS.DiffIDs[n] = d
	return config
}

// fails asks for what must fail, in the right way and without a trace.
func (w *world) fails(req record.Request, kind record.Fault, says ...string) {
	w.t.Helper()
	a, err := w.resolve(req)
	if !errors.Is(err, kind) {
		w.t.Errorf("%s: %v, want a problem of kind %s", req.Ref, err, string(kind))
		if a != nil {
			w.t.Logf("answer %+v, problem %+v", a, a.Problem)
		}
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			w.t.Errorf("%s: %q does not say %q", req.Ref, err, s)
		}
	}
	if strings.ContainsAny(err.Error(), "\x1b\x00\r") {
		w.t.Errorf("%s: control characters in %q", req.Ref, err)
	}
	if left := w.leftovers(); left != nil {
		w.t.Errorf("%s: left behind %q", req.Ref, left)
	}
	if images := w.list(); len(images) != 0 {
		w.t.Errorf("%s: images %q", req.Ref, images)
	}
}

// TestBadReferences are mistakes of the user's.
func TestBadReferences(t *testing.T) {
	w := newWorld(t)
	w.file("not an archive, but long enough to be looked at", "text")
	w.file("", "empty")
	w.dir("dir")
	tarFile(t, filepath.Join(w.home, "other.tar"), "a", "b")
	tarFile(t, filepath.Join(w.home, "hostile.tar"), "index.json", "{}", "../../escaped", "x", "/tmp/t-engine-escaped", "x")
	dockerSave(t, filepath.Join(w.home, "many.tar"), map[string]testImage{"a:1": small("a"), "b:1": small("b")})
	l := newLayout(t, filepath.Join(w.home, "two"))
	l.add(l.image(small("a")), "a").add(l.image(small("b")), "b")
	for ref, kind := range map[string]record.Fault{
		"":                             record.ErrUsage,
		"oci:":                         record.ErrUsage,
		"oci:none":                     record.ErrNotFound,
		"oci:two":                      record.ErrUsage,
		"oci:two:c":                    record.ErrNotFound,
		"oci:dir":                      record.ErrCorrupt,
		"oci-archive:none":             record.ErrNotFound,
		"oci-archive:text":             record.ErrCorrupt,
		"oci-archive:empty":            record.ErrCorrupt,
		"oci-archive:hostile.tar":      record.ErrUsage,
		"docker-archive:none":          record.ErrNotFound,
		"docker-archive:text":          record.ErrCorrupt,
		"docker-archive:other.tar":     record.ErrCorrupt,
		"docker-archive:many.tar":      record.ErrUsage,
		"docker-archive:many.tar:c:1":  record.ErrCorrupt,
		"dir:dir":                      record.ErrCorrupt,
		"./none":                       record.ErrNotFound,
		"./text":                       record.ErrCorrupt,
		"./other.tar":                  record.ErrUsage,
		"./dir":                        record.ErrUsage,
		"docker-daemon:a:1":            record.ErrUnsupported,
		"containers-storage:[vfs@/x]a": record.ErrUnsupported,
		"containers-storage:none":      record.ErrNotFound,
		"UPPER":                        record.ErrUsage,
		"docker://UPPER":               record.ErrUsage,
		"localhost/none":               record.ErrNotFound,
	} {
		t.Run(ref, func(t *testing.T) {
			w.t = t
			w.fails(record.Request{Ref: ref}, kind)
		})
	}
	w.t = t
	if _, err := os.Lstat("/tmp/t-engine-escaped"); err == nil {
		t.Error("an archive wrote outside of the layout")
	}
	w.fails(record.Request{Ref: "oci:two:a", Platform: "linux/amd64/v1/x"}, record.ErrUsage)
	w.fails(record.Request{Ref: "oci:two:a", Platform: "windows/amd64"}, record.ErrUsage)
	w.fails(record.Request{Ref: "oci:two:a", Platform: "arm64"}, record.ErrPlatform)
	w.fails(record.Request{Ref: "x", Pull: "sometimes"}, record.ErrUsage)
	w.fails(record.Request{Ref: "x", Scratch: "relative"}, record.ErrUsage)
}
