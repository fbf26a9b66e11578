//go:build containers_image_openpgp

package engine

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// noise is a layer with a file that does not compress.
func noise(t *testing.T, name string, size int) []byte {
	t.Helper()
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(len(name))})
	_, _ = random.Read(data)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(size)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return buf.Bytes()
}

// TestMisbehaving has registries that do one thing wrong each. What passes is
// outlived, the rest is an error that says what happened, and leaves nothing.
func TestMisbehaving(t *testing.T) {
	cut := func(times int32, at int) func() func(http.ResponseWriter, *http.Request) bool {
		return func() func(http.ResponseWriter, *http.Request) bool {
			var seen atomic.Int32
			return func(w http.ResponseWriter, q *http.Request) bool {
				if !isBlob(q) || isConfig(q) || seen.Add(1) > times {
					return false
				}
				w.Header().Set("Content-Length", "2000000")
				if q.Header.Get("Range") != "" {
					w.Header().Set("Content-Range", "bytes "+strings.TrimPrefix(strings.TrimSuffix(q.Header.Get("Range"), "-"), "bytes=")+"-1999999/2000000")
					w.WriteHeader(http.StatusPartialContent)
				}
				_, _ = w.Write(make([]byte, at))
				panic(http.ErrAbortHandler)
			}
		}
	}
	once := func(answer func(http.ResponseWriter, *http.Request)) func() func(http.ResponseWriter, *http.Request) bool {
		return func() func(http.ResponseWriter, *http.Request) bool {
			var seen atomic.Int32
			return func(w http.ResponseWriter, q *http.Request) bool {
				if !isBlob(q) || seen.Add(1) > 1 {
					return false
				}
				answer(w, q)
				return true
			}
		}
	}
	always := func(answer func(http.ResponseWriter, *http.Request) bool) func() func(http.ResponseWriter, *http.Request) bool {
		return func() func(http.ResponseWriter, *http.Request) bool { return answer }
	}
	for name, tt := range map[string]struct {
		bad  func() func(http.ResponseWriter, *http.Request) bool
		kind record.Fault // "" when the image comes
		says []string
	}{
		"refuses with 503 once": {bad: once(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })},
		"breaks off once":       {bad: once(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })},
		"says 429 once": {bad: once(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		})},
		"redirects blobs": {bad: always(func(w http.ResponseWriter, q *http.Request) bool {
			if !isBlob(q) || q.URL.Query().Has("moved") {
				return false
			}
			http.Redirect(w, q, q.URL.Path+"?moved", http.StatusTemporaryRedirect)
			return true
		})},
		"breaks off always": {bad: cut(1<<30, 100), kind: record.ErrNetwork, says: []string{"layer 1 of 1", "tries more"}},
		"another blob": {bad: always(func(w http.ResponseWriter, q *http.Request) bool {
			if isBlob(q) {
				_, _ = w.Write([]byte("something else"))
			}
			return isBlob(q)
		}), kind: record.ErrCorrupt},
		"longer than it says": {bad: always(func(w http.ResponseWriter, q *http.Request) bool {
			if !isBlob(q) || isConfig(q) {
				return false
			}
			w.Header().Set("Transfer-Encoding", "chunked")
			_, _ = w.Write(make([]byte, 3_000_000))
			return true
		}), kind: record.ErrCorrupt, says: []string{"layer 1 of 1", "longer"}},
		"ends early, in good order": {bad: always(func(w http.ResponseWriter, q *http.Request) bool {
			if !isBlob(q) || isConfig(q) {
				return false
			}
			w.(http.Flusher).Flush() // chunked: no length
			return true
		}), kind: record.ErrNetwork, says: []string{"not complete"}},
		"another length": {bad: always(func(w http.ResponseWriter, q *http.Request) bool {
			if !isBlob(q) || isConfig(q) {
				return false
			}
			w.Header().Set("Content-Length", "5")
			_, _ = w.Write([]byte("12345"))
			return true
		}), kind: record.ErrCorrupt, says: []string{"has 5 bytes"}},
		"no such blob": {bad: always(func(w http.ResponseWriter, q *http.Request) bool {
			if isBlob(q) && !isConfig(q) {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, `{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}`)
			}
			return isBlob(q) && !isConfig(q)
		}), kind: record.ErrNotFound, says: []string{"layer 1 of 1"}},
		"docker's schema 1": {bad: always(func(w http.ResponseWriter, q *http.Request) bool {
			if !strings.Contains(q.URL.Path, "/manifests/") {
				return false
			}
			w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")
			fmt.Fprint(w, `{"schemaVersion":1,"name":"app","tag":"1","architecture":"amd64","fsLayers":[],"history":[],"signatures":[]}`)
			return true
		}), kind: record.ErrUnsupported, says: []string{"schema 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f := plainFake(t, w)
			l := newLayout(t, filepath.Join(t.TempDir(), "img"))
			l.add(l.image(testImage{packing: "gzip", arch: "amd64", plain: [][]byte{noise(t, "f", 1_500_000)}}), "1")
			f.serve("app", l)
			f.doing(tt.bad())
			req := record.Request{Ref: f.host + "/app:1", RetryDelay: "10ms"}
			if tt.kind == "" {
				w.must(req)
				return
			}
			w.fails(req, tt.kind, tt.says...)
		})
	}
}

// isConfig tells the small blob of these tests' images from the large one.
func isConfig(q *http.Request) bool { return q.Header.Get(configMark) != "" }

// TestRange: a blob that breaks off goes on where it stopped.
func TestRange(t *testing.T) {
	w := newWorld(t)
	f := plainFake(t, w)
	l := newLayout(t, filepath.Join(t.TempDir(), "img"))
	d := l.image(testImage{packing: "gzip", arch: "amd64", plain: [][]byte{noise(t, "f", 6_000_000)}})
	l.add(d, "1")
	f.serve("app", l)
	layer := l.manifest(d).Layers[0]
	data, err := os.ReadFile(filepath.Join(l.path, "blobs/sha256", layer.Digest.Encoded()))
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	f.doing(func(w http.ResponseWriter, q *http.Request) bool {
		if !strings.HasSuffix(q.URL.Path, layer.Digest.String()) {
			return false
		}
		from := 0
		if r := q.Header.Get("Range"); r != "" {
			from, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r, "bytes="), "-"))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		n, _ := w.Write(data[from:min(from+2_500_000, len(data))])
		sent.Add(int64(n))
		if from+n < len(data) {
			panic(http.ErrAbortHandler)
		}
		return true
	})
	w.must(record.Request{Ref: f.host + "/app:1", RetryDelay: "10ms"})
	if got := sent.Load(); got > int64(len(data))+2_000_000 {
		t.Errorf("%d bytes were sent of a blob of %d", got, len(data))
	}
}

// TestFetchedOnce: what is there is not fetched, and what two pulls want is
// fetched by one.
func TestFetchedOnce(t *testing.T) {
	w := newWorld(t)
	f := plainFake(t, w)
	base, more := noise(t, "base", 2_000_000), noise(t, "more", 500_000)
	image := func(layers ...[]byte) (*layoutDir, imgspec.Manifest) {
		l := newLayout(t, filepath.Join(t.TempDir(), "img"))
		d := l.image(testImage{packing: "gzip", arch: "amd64", plain: layers})
		return l.add(d, "1"), l.manifest(d)
	}
	one, m1 := image(base, more)
	two, m2 := image(base)
	turned, _ := image(more, base, more)
	other, m4 := image(noise(t, "other", 100_000), base)
	for name, l := range map[string]*layoutDir{"one": one, "two": two, "turned": turned, "other": other} {
		f.serve(name, l)
	}
	var waits []func() (*record.Answer, error)
	for _, name := range []string{"one", "two", "one", "two"} {
		cmd := w.engineCmd("resolve", record.Request{Ref: f.host + "/" + name + ":1"})
		cmd.Stderr = nil
		waits = append(waits, w.begin(cmd))
	}
	for _, wait := range waits {
		if _, err := wait(); err != nil {
			t.Fatal(err)
		}
	}
	asked := f.asked()
	for _, l := range append(m1.Layers, m2.Layers...) {
		if n := asked[l.Digest.String()]; n != 1 {
			t.Errorf("layer %s was asked for %d times", l.Digest, n)
		}
	}
	// The same content in another place, and twice in one image.
	f.doing(nil)
	r := w.must(record.Request{Ref: f.host + "/turned:1"})
	if len(r.Layers) != 3 {
		t.Errorf("layers %v", r.Layers)
	}
	w.must(record.Request{Ref: f.host + "/other:1"})
	for d, n := range f.asked() {
		if d == m1.Layers[0].Digest.String() || d == m1.Layers[1].Digest.String() {
			t.Errorf("layer %s is there, and was asked for %d times", d, n)
		}
	}
	if n := f.asked()[m4.Layers[0].Digest.String()]; n != 1 {
		t.Errorf("the new layer was asked for %d times", n)
	}
	if left := w.holds(); left != nil {
		t.Errorf("holds %q", left)
	}
}

// holds are the layers that some pull has not finished with.
func (w *world) holds() []string {
	names, _ := filepath.Glob(filepath.Join(w.home, ".local/share/coracle/scratch/layers/*"))
	return names
}

// TestLyingManifest: the manifest says that a blob is what the configuration
// calls by another digest. What is in the store under that digest may be used:
// it is what the configuration wants.
func TestLyingManifest(t *testing.T) {
	w := newWorld(t)
	f := plainFake(t, w)
	l := newLayout(t, filepath.Join(t.TempDir(), "img"))
	d := l.image(testImage{packing: "gzip", arch: "amd64", plain: [][]byte{noise(t, "f", 1000)}})
	l.add(d, "good")
	m := l.manifest(d)
	junk, _ := packed(t, noise(t, "another name", 1000), "gzip")
	m.Layers[0] = l.blob(m.Layers[0].MediaType, junk)
	l.add(l.json(m.MediaType, m), "lying")
	f.serve("app", l)
	w.fails(record.Request{Ref: f.host + "/app:lying"}, record.ErrCorrupt, "decompressed", "wanted "+digest.FromBytes(noise(t, "f", 1000)).String())
	good := w.must(record.Request{Ref: f.host + "/app:good"})
	lying := w.must(record.Request{Ref: f.host + "/app:lying"})
	if good.ID != lying.ID || good.Layers[0] != lying.Layers[0] {
		t.Errorf("%+v\n%+v", good, lying)
	}
}
