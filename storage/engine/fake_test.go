//go:build containers_image_openpgp

package engine

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A fakeRegistry serves layouts, byte ranges included, and does what a test
// tells it.
type fakeRegistry struct {
	t     *testing.T
	host  string
	mu    sync.Mutex
	repos map[string]*layoutDir
	// bad may answer instead; true: it did.
	bad     func(http.ResponseWriter, *http.Request) bool
	gets    map[string]int // how often each path was asked for
	configs map[string]bool
}

func newFake(t *testing.T, start func(http.Handler) *httptest.Server) *fakeRegistry {
	t.Helper()
	f := &fakeRegistry{t: t, repos: map[string]*layoutDir{}, gets: map[string]int{}, configs: map[string]bool{}}
	server := start(f)
	t.Cleanup(server.Close)
	_, f.host, _ = strings.Cut(server.URL, "://")
	return f
}

// plainFake is one without TLS that the world's user knows.
func plainFake(t *testing.T, w *world) *fakeRegistry {
	t.Helper()
	f := newFake(t, httptest.NewServer)
	(&registry{host: f.host}).insecure(w, "")
	return f
}

// configMark is a header that requests for configurations get, for tests to see.
const configMark = "X-Is-Config"

// serve makes a repository of a layout.
func (f *fakeRegistry) serve(name string, l *layoutDir) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.repos[name] = l
	for _, d := range l.index.Manifests {
		f.configs[l.manifest(d).Config.Digest.String()] = true
	}
}

func (f *fakeRegistry) doing(bad func(http.ResponseWriter, *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bad = bad
	clear(f.gets)
}

// asked is how often each blob of a layout was asked for.
func (f *fakeRegistry) asked() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := map[string]int{}
	for path, count := range maps.All(f.gets) {
		if i := strings.Index(path, "/blobs/"); i >= 0 {
			n[path[i+len("/blobs/"):]] += count
		}
	}
	return n
}

func (f *fakeRegistry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	f.mu.Lock()
	f.gets[q.URL.Path]++
	bad := f.bad
	if f.configs[q.URL.Path[strings.LastIndexByte(q.URL.Path, '/')+1:]] {
		q.Header.Set(configMark, "yes")
	}
	f.mu.Unlock()
	if bad != nil && bad(w, q) {
		return
	}
	path := strings.TrimPrefix(q.URL.Path, "/v2/")
	if path == "" {
		return
	}
	for _, kind := range []string{"/manifests/", "/blobs/", "/tags/"} {
		if repo, rest, ok := strings.Cut(path, kind); ok && f.repos[repo] != nil {
			f.answer(w, q, f.repos[repo], kind, repo, rest)
			return
		}
	}
	http.NotFound(w, q)
}

func (f *fakeRegistry) answer(w http.ResponseWriter, q *http.Request, l *layoutDir, kind, repo, what string) {
	if kind == "/tags/" {
		tags := []string{}
		for _, m := range l.index.Manifests {
			tags = append(tags, m.Annotations[imgspec.AnnotationRefName])
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": repo, "tags": tags})
		return
	}
	for _, m := range l.index.Manifests {
		if kind == "/manifests/" && m.Annotations[imgspec.AnnotationRefName] == what {
			what = m.Digest.String()
		}
	}
	data, err := os.ReadFile(filepath.Join(l.path, "blobs", "sha256", strings.TrimPrefix(what, "sha256:")))
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if kind == "/manifests/" {
		var m imgspec.Manifest
		_ = json.Unmarshal(data, &m)
		w.Header().Set("Content-Type", m.MediaType)
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(data).String())
	}
	http.ServeContent(w, q, "", time.Time{}, bytes.NewReader(data))
}

func isBlob(q *http.Request) bool { return strings.Contains(q.URL.Path, "/blobs/") }
