//go:build containers_image_openpgp

package images

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// TestMain runs the tests where the engine runs: as root of a user namespace, with
// a mount namespace that belongs to it.
func TestMain(m *testing.M) {
	if engine.Helper() {
		return
	}
	const inside = "CORACLE_TEST_INSIDE"
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(record.Environ(os.Environ(), 1000, 1000), inside+"=1", "GOCOVERDIR="+os.Getenv("GOCOVERDIR"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// world is an empty store.
type world struct {
	*testing.T
	s *engine.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "XDG_RUNTIME_DIR": home + "/run", "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": "",
		"CONTAINERS_STORAGE_CONF": home + "/storage.conf", "CONTAINERS_REGISTRIES_CONF": home + "/registries.conf",
		"CONTAINERS_POLICY_JSON": "",
	} {
		t.Setenv(name, value)
	}
	check(t, os.Mkdir(home+"/run", 0o700))
	check(t, os.WriteFile(home+"/storage.conf", fmt.Appendf(nil, "[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n", home+"/store", home+"/run/store"), 0o600))
	check(t, os.WriteFile(home+"/registries.conf", []byte("unqualified-search-registries = [\"registry.example\"]\n"), 0o600))
	s, err := engine.Open("")
	check(t, err)
	t.Cleanup(func() {
		check(t, s.Close())
		// The library mounts the directory on itself and leaves that to the end of the
		// process.
		check(t, syscall.Unmount(home+"/store/overlay", syscall.MNT_DETACH))
	})
	return &world{t, s}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made is an image to be made.
type made struct {
	id      string // "" is the digest of its configuration
	names   []string
	layer   string // id of its top layer, see world.layer
	labels  map[string]string
	steps   []string // of its history; "-" before one that made no layer
	created time.Time
	config  imgspec.ImageConfig
}

// layer makes a layer with one file of that many bytes.
func (w *world) layer(parent, file string, size int) string {
	w.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	check(w, tw.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(size), Typeflag: tar.TypeReg}))
	_, err := tw.Write(make([]byte, size))
	check(w, err)
	check(w, tw.Close())
	l, _, err := w.s.PutLayer("", parent, nil, "", false, nil, &b)
	check(w, err)
	return l.ID
}

func (w *world) image(m made) *storage.Image {
	w.Helper()
	created := m.created
	if created.IsZero() {
		created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	}
	config := imgspec.Image{Created: &created, Author: "somebody", Platform: imgspec.Platform{Architecture: "amd64", OS: "linux"}, Config: m.config}
	if m.labels != nil {
		config.Config.Labels = m.labels
	}
	config.RootFS = imgspec.RootFS{Type: "layers", DiffIDs: w.diffIDs(m.layer)}
	for _, step := range m.steps {
		by, empty := strings.CutPrefix(step, "-")
		config.History = append(config.History, imgspec.History{Created: &created, CreatedBy: by, EmptyLayer: empty})
	}
	return w.put(m, created, config)
}

func (w *world) diffIDs(layer string) (ids []digest.Digest) {
	w.Helper()
	for layer != "" {
		l, err := w.s.Layer(layer)
		check(w, err)
		ids = append([]digest.Digest{l.UncompressedDigest}, ids...)
		layer = l.Parent
	}
	return ids
}

func (w *world) put(m made, created time.Time, config any) *storage.Image {
	w.Helper()
	raw, err := json.Marshal(config)
	check(w, err)
	d := digest.FromBytes(raw)
	manifest, err := json.Marshal(imgspec.Manifest{
		MediaType: imgspec.MediaTypeImageManifest, Config: imgspec.Descriptor{MediaType: imgspec.MediaTypeImageConfig, Digest: d, Size: int64(len(raw))},
		Annotations: map[string]string{"note": "made by a test"},
	})
	check(w, err)
	manifest = bytes.Replace(manifest, []byte(`{`), []byte(`{"schemaVersion":2,`), 1)
	manifest = bytes.Replace(manifest, []byte(`"schemaVersion":0,`), nil, 1)
	md := digest.FromBytes(manifest)
	id := m.id
	if id == "" {
		id = d.Encoded()
	}
	img, err := w.s.CreateImage(id, m.names, m.layer, "{}", &storage.ImageOptions{
		CreationDate: created, Digest: md,
		BigData: []storage.ImageBigDataOption{
			{Key: d.String(), Data: raw, Digest: d},
			{Key: storage.ImageDigestBigDataKey, Data: manifest, Digest: md},
			{Key: storage.ImageDigestManifestBigDataNamePrefix + "-" + md.String(), Data: manifest, Digest: md},
		},
	})
	check(w, err)
	return img
}

func (w *world) list() *record.Catalog {
	w.Helper()
	c, err := List(context.Background(), w.s, nil)
	check(w, err)
	return c
}

func (w *world) entry(id string) record.Entry {
	w.Helper()
	for _, e := range w.list().Images {
		if e.ID == id {
			return e
		}
	}
	w.Fatalf("no image %s", id)
	return record.Entry{}
}

func (w *world) has(id string) bool {
	_, err := w.s.Image(id)
	return err == nil
}
