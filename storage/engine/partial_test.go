//go:build containers_image_openpgp

package engine

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.podman.io/image/v5/pkg/compression"

	"coracle/storage/record"
)

func chunkedBlob(t *testing.T, plain []byte) ([]byte, map[string]string) {
	t.Helper()
	var b bytes.Buffer
	annotations := make(map[string]string)
	w, err := compression.CompressStreamWithMetadata(&b, annotations, compression.ZstdChunked, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), annotations
}

// fileOf is the content of a file that does not compress.
func fileOf(i int, changed bool) []byte {
	data := make([]byte, 40_000)
	seed := [32]byte{byte(i)}
	if changed {
		seed[1] = 1
	}
	_, _ = rand.NewChaCha8(seed).Read(data)
	return data
}

// noisy is an image with a layer of 100 such files, some changed, and of what has
// no content.
func noisy(changed func(i int) bool) testImage {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "./data/", Typeflag: tar.TypeDir, Mode: 0o755})
	for i := range 100 {
		data := fileOf(i, changed(i))
		_ = w.WriteHeader(&tar.Header{Name: fmt.Sprintf("./data/%d", i), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))})
		_, _ = w.Write(data)
	}
	_ = w.WriteHeader(&tar.Header{Name: "./data/empty", Typeflag: tar.TypeReg, Mode: 0o644})
	_ = w.WriteHeader(&tar.Header{Name: "./data/hard", Linkname: "./data/0", Typeflag: tar.TypeLink})
	_ = w.WriteHeader(&tar.Header{Name: "./data/soft", Linkname: "0", Typeflag: tar.TypeSymlink})
	_ = w.Close()
	return testImage{packing: "zstd:chunked", arch: "amd64", plain: [][]byte{b.Bytes()}}
}

// counting counts the bytes of an answer.
type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// TestPullInParts: of a zstd:chunked layer comes what the store lacks, and the rest
// is taken from other layers; whatever is wrong with the parts, the whole comes.
func TestPullInParts(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it starts a registry")
	}
	reg := newRegistry(t)
	src := newLayout(t, filepath.Join(t.TempDir(), "img"))
	changes := map[string]func(int) bool{
		"old": func(int) bool { return false }, "two": func(i int) bool { return i%50 == 7 },
		"half": func(i int) bool { return i >= 50 }, "most": func(i int) bool { return i%8 != 7 },
	}
	for tag, changed := range changes {
		src.add(src.image(noisy(changed)), tag)
		reg.push(t, "oci:"+src.path+":"+tag, "app:"+tag, "--preserve-digests")
	}
	const whole = 4_000_000
	noRanges := func(_ http.ResponseWriter, q *http.Request) bool { q.Header.Del("Range"); return false }
	refused := func(w http.ResponseWriter, q *http.Request) bool {
		if q.Header.Get("Range") != "" {
			w.WriteHeader(http.StatusBadRequest)
		}
		return q.Header.Get("Range") != ""
	}
	asked := 0
	lies := func(w http.ResponseWriter, q *http.Request) bool { // not of the first parts, which are the index
		if q.Header.Get("Range") == "" {
			return false
		}
		if asked++; asked > 2 {
			q.Header.Set("Range", "bytes=100-40099")
		}
		return false
	}
	for name, tt := range map[string]struct {
		tag         string
		wrong       func(http.ResponseWriter, *http.Request) bool
		local       func(w *world, old *record.Record) // before the pull
		least, most int64
	}{
		"two files":    {tag: "two", least: 80_000, most: 400_000},
		"half of them": {tag: "half", least: 2_000_000, most: 2_300_000},
		"most of them": {tag: "most", least: whole, most: whole + 200_000},
		// What the registry has sent when it is told to stop lies in the sockets' buffers.
		"no ranges":      {tag: "two", wrong: noRanges, least: whole, most: 2*whole + 200_000},
		"ranges refused": {tag: "two", wrong: refused, least: whole, most: whole + 100_000},
		"other ranges":   {tag: "two", wrong: lies, least: whole, most: whole + 1_000_000},
		"changed files": {tag: "two", least: 160_000, most: 600_000, local: func(w *world, old *record.Record) {
			for _, f := range []string{"20", "30"} {
				path := filepath.Join(old.Layers[0].Diff, "data", f)
				if err := os.WriteFile(path, fileOf(1, true), 0o644); err != nil {
					w.t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg.insecure(w, "")
			old := w.must(record.Request{Ref: reg.host + "/app:old"})
			if tt.local != nil {
				tt.local(w, old)
			}
			var sent atomic.Int64
			reg.failing(func(rw http.ResponseWriter, q *http.Request) bool {
				if tt.wrong == nil || !tt.wrong(rw, q) {
					reg.inner.ServeHTTP(counting{rw, &sent}, q)
				}
				return true
			})
			defer reg.failing(func(http.ResponseWriter, *http.Request) bool { return false })
			r := w.must(record.Request{Ref: reg.host + "/app:" + tt.tag})
			if n := sent.Load(); n < tt.least || n > tt.most {
				t.Errorf("%d bytes came, %d to %d are right\n%s", n, tt.least, tt.most, &w.stderr)
			}
			for i := range 100 {
				got, err := os.ReadFile(filepath.Join(r.Layers[0].Diff, "data", fmt.Sprint(i)))
				if err != nil || sha256.Sum256(got) != sha256.Sum256(fileOf(i, changes[tt.tag](i))) {
					t.Errorf("file %d: %d bytes, %v", i, len(got), err)
				}
			}
			if to, err := os.Readlink(filepath.Join(r.Layers[0].Diff, "data/soft")); err != nil || to != "0" {
				t.Errorf("link %q, %v", to, err)
			}
			names, err := os.ReadDir(filepath.Join(r.Layers[0].Diff, "data"))
			if err != nil || len(names) != 103 {
				t.Errorf("%d files, %v", len(names), err)
			}
			for _, left := range w.leftovers() {
				if strings.Contains(left, "staging") || strings.Contains(left, "scratch") {
					t.Errorf("left: %s", left)
				}
			}
		})
	}
}
