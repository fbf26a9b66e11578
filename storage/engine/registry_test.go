//go:build containers_image_openpgp

package engine

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coracle/storage/record"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A registry is Debian's docker-registry on the loopback, with a door in front
// of it that can fail.
type registry struct {
	host  string // of the door
	fail  atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	calls atomic.Int32
	inner http.Handler // behind the door
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skipf("program docker-registry: %v", err)
	}
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	conf := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", dir, addr)
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "serve", filepath.Join(dir, "config.yml"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return newDoor(t, addr)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("docker-registry does not listen")
	return nil
}

func newDoor(t *testing.T, addr string) *registry {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	r := &registry{inner: proxy}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.calls.Add(1)
		if f := r.fail.Load(); f != nil && (*f)(w, q) {
			return
		}
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(door.Close)
	r.host = strings.TrimPrefix(door.URL, "http://")
	return r
}

// failing sets what the door does; true means that it answered itself.
func (r *registry) failing(f func(http.ResponseWriter, *http.Request) bool) { r.fail.Store(&f) }

// push puts an image into the registry.
func (r *registry) push(t *testing.T, ref, name string, more ...string) {
	t.Helper()
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skipf("program skopeo: %v", err)
	}
	args := append([]string{"--insecure-policy", "copy", "-q", "--dest-tls-verify=false"}, more...)
	run1(t, exec.Command(skopeo, append(args, ref, "docker://"+r.host+"/"+name)...))
}

// insecure tells the user's registries.conf that the registry has no TLS.
func (r *registry) insecure(w *world, more string) {
	w.file(more+"[[registry]]\nlocation = \""+r.host+"\"\ninsecure = true\n", ".config", "containers", "registries.conf")
}

func TestPull(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it starts a registry")
	}
	reg := newRegistry(t)
	src := newLayout(t, filepath.Join(t.TempDir(), "img"))
	d := src.image(twoLayers())
	src.add(d, "app").add(src.image(small("newer")), "newer")
	reg.push(t, "oci:"+src.path+":app", "my/app:1", "--preserve-digests")
	w := newWorld(t)
	name := reg.host + "/my/app:1"

	w.fails(record.Request{Ref: name}, record.ErrNetwork, "insecure = true")
	reg.insecure(w, "unqualified-search-registries = [\""+reg.host+"\"]\n")
	w.fails(record.Request{Ref: name, Pull: record.PullNever}, record.ErrNotFound)
	w.fails(record.Request{Ref: reg.host + "/my/app:none"}, record.ErrNotFound)
	w.fails(record.Request{Ref: reg.host + "/none"}, record.ErrNotFound)

	first := w.must(record.Request{Ref: name})
	if first.ID != src.manifest(d).Config.Digest.Encoded() || first.Digest != d.Digest.String() || !slices.Equal(first.Names, []string{name}) {
		t.Errorf("record %+v", first)
	}
	checkTree(t, w, first)
	for _, want := range []string{"2 layers", "done, ", "stored"} {
		if !strings.Contains(w.stderr.String(), want) {
			t.Errorf("progress does not say %q:\n%s", want, &w.stderr)
		}
	}

	t.Run("from the store", func(t *testing.T) {
		calls := reg.calls.Load()
		for _, ref := range []string{name, "my/app:1", "docker://" + name, reg.host + "/my/app@" + d.Digest.String()} {
			if a, err := w.resolve(record.Request{Ref: ref}); err != nil || a.Pulled || a.Record.ID != first.ID || w.stderr.Len() != 0 {
				t.Errorf("%s: %+v, %v\n%s", ref, a, err, &w.stderr)
			}
		}
		if reg.calls.Load() != calls {
			t.Error("the registry was asked")
		}
		if why := first.Stale(); why != "" {
			t.Errorf("the first record is stale: %s", why)
		}
	})
	t.Run("always, unchanged", func(t *testing.T) {
		calls := reg.calls.Load()
		a, err := w.resolve(record.Request{Ref: name, Pull: record.PullAlways})
		if err != nil || a.Pulled || reg.calls.Load() == calls || first.Stale() != "" {
			t.Errorf("%+v, %v", a, err)
		}
	})
	t.Run("changed", func(t *testing.T) {
		reg.push(t, "oci:"+src.path+":newer", "my/app:1")
		if r := w.must(record.Request{Ref: name}); r.ID != first.ID {
			t.Error("missing pulled a newer image")
		}
		second := w.must(record.Request{Ref: name, Pull: record.PullNewer, Quiet: true})
		if second.ID == first.ID || w.stderr.Len() != 0 {
			t.Errorf("id %s\n%s", second.ID, &w.stderr)
		}
		if first.Stale() == "" {
			t.Error("the first record is not stale")
		}
		if got := w.list(); len(got) != 2 || !slices.Contains(got, first.ID) {
			t.Errorf("images %q", got)
		}
	})
	t.Run("registry gone", func(t *testing.T) {
		reg.insecure(w, "")
		reg.failing(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		})
		a, err := w.resolve(record.Request{Ref: name, Pull: record.PullNewer})
		if err != nil || len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "using the local image") {
			t.Errorf("%+v, %v", a, err)
		}
		if _, err := w.resolve(record.Request{Ref: name, Pull: record.PullAlways}); err == nil {
			t.Error("always is content with the local image")
		}
	})
}

// TestPullTroubles are failures on the way: those that pass are outlived, the
// others leave nothing.
func TestPullTroubles(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it starts a registry")
	}
	reg := newRegistry(t)
	src := newLayout(t, filepath.Join(t.TempDir(), "img"))
	src.add(src.image(twoLayers()), "")
	reg.push(t, "oci:"+src.path, "app")
	w := newWorld(t)
	reg.insecure(w, "")
	name := reg.host + "/app"
	isBlob := func(q *http.Request) bool { return strings.Contains(q.URL.Path, "/blobs/") }

	status := func(code int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			w.Write([]byte(body))
			return true
		}
	}
	reg.failing(status(http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"no \u001b[31m entry"}]}`))
	w.fails(record.Request{Ref: name}, record.ErrAuth, "login")
	reg.failing(status(http.StatusForbidden, `{"errors":[{"code":"DENIED","message":"go away"}]}`))
	w.fails(record.Request{Ref: name}, record.ErrAuth, "login")
	reg.failing(func(w http.ResponseWriter, q *http.Request) bool {
		if isBlob(q) {
			w.Write([]byte("something else"))
		}
		return isBlob(q)
	})
	w.fails(record.Request{Ref: name}, record.ErrCorrupt)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	w.fails(record.Request{Ref: l.Addr().String() + "/x"}, record.ErrNetwork, "connection refused")

	var seen atomic.Int32
	reg.failing(func(w http.ResponseWriter, q *http.Request) bool {
		if !isBlob(q) || seen.Add(1) > 2 {
			return false
		}
		if seen.Load() == 1 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	w.must(record.Request{Ref: name})
	if seen.Load() < 3 {
		t.Error("nothing was tried again")
	}
}

// TestPullPrivate logs in with what podman login or docker login left.
func TestPullPrivate(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it starts a registry")
	}
	reg := newRegistry(t)
	src := newLayout(t, filepath.Join(t.TempDir(), "img"))
	src.add(src.image(small("x")), "")
	reg.push(t, "oci:"+src.path, "app")
	reg.failing(func(w http.ResponseWriter, q *http.Request) bool {
		user, password, ok := q.BasicAuth()
		if ok && user == "ana" && password == "secret" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	w := newWorld(t)
	reg.insecure(w, "")
	w.fails(record.Request{Ref: reg.host + "/app"}, record.ErrAuth, "login")
	w.file(`{"auths":{"`+reg.host+`":{"auth":"YW5hOnNlY3JldA=="}}}`, "run", "containers", "auth.json")
	w.must(record.Request{Ref: reg.host + "/app"})
}

// TestShortNames has the meaning of a name on a machine whose registries.conf
// says nothing. No registry is asked: the proxy is not there.
func TestShortNames(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	w.env = append(w.env, "https_proxy=http://"+l.Addr().String())
	w.file("", ".config", "containers", "registries.conf")
	a, err := w.resolve(record.Request{Ref: "t-engine-none:1"})
	if err == nil || !strings.Contains(err.Error(), "docker.io/library/t-engine-none:1") {
		t.Errorf("%v", err)
	}
	if len(a.Notes) == 0 || !strings.Contains(a.Notes[0], "taken for docker.io/library/t-engine-none:1") {
		t.Errorf("notes %q", a.Notes)
	}
	w.file("unqualified-search-registries = [\"one.example\", \"two.example\"]\nshort-name-mode = \"permissive\"\n", ".config", "containers", "registries.conf")
	_, err = w.resolve(record.Request{Ref: "t-engine-none:1"})
	if err == nil || !strings.Contains(err.Error(), "one.example/t-engine-none:1") || !strings.Contains(err.Error(), "two.example/t-engine-none:1") {
		t.Errorf("%v", err)
	}
	w.file("unqualified-search-registries = [\"one.example\", \"two.example\"]\nshort-name-mode = \"enforcing\"\n", ".config", "containers", "registries.conf")
	w.fails(record.Request{Ref: "t-engine-none:1"}, record.ErrUsage, "enforced")
	w.fails(record.Request{Ref: "sha256:" + strings.Repeat("0", 64)}, record.ErrNotFound)
}

// TestPullPlatforms pulls from a list of platforms.
func TestPullPlatforms(t *testing.T) {
	w := newWorld(t)
	l := newLayout(t, filepath.Join(w.home, "img"))
	var list imgspec.Index
	list.SchemaVersion, list.MediaType = 2, imgspec.MediaTypeImageIndex
	ids := map[string]string{}
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		i := small("file-" + arch)
		i.arch = arch
		d := l.image(i)
		ids[arch] = l.manifest(d).Config.Digest.Encoded()
		list.Manifests = append(list.Manifests, d)
	}
	top := l.json(imgspec.MediaTypeImageIndex, list)
	l.add(top, "multi")
	for _, arch := range []string{"amd64", "arm64", "amd64"} {
		r := w.must(record.Request{Ref: "oci:img", Platform: "linux/" + arch})
		if r.ID != ids[arch] || r.Platform != "linux/"+arch {
			t.Errorf("%s: %+v", arch, r)
		}
	}
	if r := w.must(record.Request{Ref: "localhost/multi@" + top.Digest.String(), Pull: record.PullNever}); r.ID != ids["amd64"] {
		t.Errorf("the list's digest finds %+v", r)
	}
	if _, err := w.resolve(record.Request{Ref: "localhost/multi", Platform: "linux/riscv64", Pull: record.PullNever}); err == nil {
		t.Error("an image for another platform was good enough")
	}
	_, err := w.resolve(record.Request{Ref: "oci:img", Platform: "linux/s390x"})
	if err == nil || !strings.Contains(err.Error(), "linux/amd64 linux/arm64 linux/riscv64") {
		t.Errorf("%v", err)
	}
}
