//go:build containers_image_openpgp

package engine

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"coracle/storage/record"

	"github.com/docker/distribution/registry/api/errcode"
	v2 "github.com/docker/distribution/registry/api/v2"
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
)

func TestProblemKinds(t *testing.T) {
	for _, tt := range []struct {
		err    error
		kind   record.Fault
		passes bool
	}{
		{failf(record.ErrUsage, "x"), record.ErrUsage, false},
		{fmt.Errorf("a: %w", failf(record.ErrPlatform, "x")), record.ErrPlatform, false},
		{&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, record.ErrSpace, false},
		{syscall.EDQUOT, record.ErrSpace, false},
		{gzip.ErrChecksum, record.ErrCorrupt, false},
		{signature.PolicyRequirementError("no"), record.ErrPolicy, false},
		{errors.New("unpacking failed (output: lchown /f: invalid argument)"), record.ErrIDs, false},
		{docker.ErrUnauthorizedForCredentials{Err: errors.New("x")}, record.ErrAuth, false},
		{docker.ErrTooManyRequests, record.ErrNetwork, false},
		{errcode.ErrorCodeDenied.WithMessage("x"), record.ErrAuth, false},
		{v2.ErrorCodeManifestUnknown.WithMessage("x"), record.ErrNotFound, false},
		{errcode.ErrorCodeUnavailable.WithMessage("x"), record.ErrNetwork, true},
		{docker.UnexpectedHTTPStatusError{StatusCode: 404}, record.ErrNotFound, false},
		{docker.UnexpectedHTTPStatusError{StatusCode: 403}, record.ErrAuth, false},
		{docker.UnexpectedHTTPStatusError{StatusCode: 502}, record.ErrNetwork, true},
		{&url.Error{Op: "Get", URL: "x", Err: io.ErrUnexpectedEOF}, record.ErrNetwork, true},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, record.ErrNetwork, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, record.ErrNetwork, false},
		{&net.DNSError{Name: "x", IsNotFound: true}, record.ErrNetwork, false},
		{&net.DNSError{Name: "x", IsTimeout: true}, record.ErrNetwork, true},
		{x509.UnknownAuthorityError{}, record.ErrNetwork, false},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, record.ErrNotFound, false},
		{errors.New("something"), record.ErrInternal, false},
	} {
		if kind, _ := kindOf(tt.err); kind != tt.kind {
			t.Errorf("%v: kind %q, want %q", tt.err, string(kind), string(tt.kind))
		}
		if passing(tt.err) != tt.passes {
			t.Errorf("%v: passes: %v", tt.err, !tt.passes)
		}
	}
}

func TestProblemOf(t *testing.T) {
	p := problemOf(context.Background(), errors.New("bad\x1b]0;title\a \tü\nline"))
	if p.Message != "bad?]0;title? ü\nline" && p.Message != "bad?]0;title?  ü\nline" {
		t.Errorf("%q", p.Message)
	}
	if p := problemOf(context.Background(), syscall.ENOSPC); !strings.Contains(p.Message, "\n  fix: ") {
		t.Errorf("%q", p.Message)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if p := problemOf(ctx, errors.New("x")); !strings.Contains(p.Message, "interrupted") {
		t.Errorf("%q", p.Message)
	}
}

func TestAgain(t *testing.T) {
	lasting, passes := errors.New("lasting"), error(docker.UnexpectedHTTPStatusError{StatusCode: 503})
	for name, tt := range map[string]struct {
		errs  []error
		calls int
		want  error
	}{
		"works":           {nil, 1, nil},
		"lasting":         {[]error{lasting}, 1, lasting},
		"passes":          {[]error{passes, passes}, 3, nil},
		"passes, lasting": {[]error{passes, lasting}, 2, lasting},
		"too often":       {[]error{passes, passes, passes, passes, passes}, 4, passes},
	} {
		t.Run(name, func(t *testing.T) {
			var pauses []time.Duration
			e := &engine{sleep: func(_ context.Context, d time.Duration) error {
				pauses = append(pauses, d)
				return nil
			}}
			calls := 0
			err := e.again(context.Background(), func() error {
				if calls++; calls <= len(tt.errs) {
					return tt.errs[calls-1]
				}
				return nil
			})
			if !errors.Is(err, tt.want) || calls != tt.calls || len(pauses) != calls-1 {
				t.Errorf("%v after %d calls, pauses %v", err, calls, pauses)
			}
			if len(pauses) > 1 && pauses[1] <= pauses[0] {
				t.Errorf("pauses %v", pauses)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if sleepFor(ctx, time.Hour) == nil {
		t.Error("slept on although cancelled")
	}
}

func TestVerifier(t *testing.T) {
	data := []byte("the content of a layer")
	good := types.BlobInfo{Digest: digest.FromBytes(data), Size: int64(len(data))}
	for name, tt := range map[string]struct {
		info types.BlobInfo
		in   io.Reader
		ok   bool
	}{
		"good":         {good, bytes.NewReader(data), true},
		"unknown size": {types.BlobInfo{Digest: good.Digest, Size: -1}, bytes.NewReader(data), true},
		"other":        {good, strings.NewReader("the content of a later"), false},
		"short":        {good, bytes.NewReader(data[:5]), false},
		"long":         {good, io.MultiReader(bytes.NewReader(data), strings.NewReader("x")), false},
		"endless":      {good, endless{}, false},
		"breaks":       {good, io.MultiReader(bytes.NewReader(data[:5]), broken{}), false},
		"empty":        {good, strings.NewReader(""), false},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(context.Background(), tt.in, tt.info)
			got, err := io.ReadAll(v)
			if (err == nil) != tt.ok {
				t.Errorf("%v", err)
			}
			if tt.ok && !bytes.Equal(got, data) {
				t.Errorf("%q", got)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := newVerifier(ctx, endless{}, good).Read(data); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, syscall.ECONNRESET }

func TestChain(t *testing.T) {
	a, b := digest.FromString("a"), digest.FromString("b")
	got := chain([]digest.Digest{a, b})
	want := []string{a.Encoded(), digest.FromString(a.Encoded() + "+" + b.Encoded()).Encoded()}
	if !slices.Equal(got, want) || len(chain(nil)) != 0 {
		t.Errorf("%q", got)
	}
}

func TestLocalName(t *testing.T) {
	for in, want := range map[string]string{
		"app": "localhost/app:latest", "app:1": "localhost/app:1", "my/app:1": "localhost/my/app:1",
		"docker.io/library/app:1": "docker.io/library/app:1", "quay.io/x": "quay.io/x:latest",
		"localhost/x:1": "localhost/x:1", "host:5000/x": "host:5000/x:latest", "latest": "localhost/latest:latest",
		"": "", "UP": "", "a b": "", "\x1b": "",
	} {
		got := strings.Join(localName(in), " ")
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWithoutTag(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", "a:1": "a:1", "a@sha256:x": "a@sha256:x", "a:1@sha256:x": "a@sha256:x",
		"h:5000/a@sha256:x": "h:5000/a@sha256:x", "h:5000/a:1@sha256:x": "h:5000/a@sha256:x",
	} {
		if got := withoutTag(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestIsID(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for in, want := range map[string]bool{
		id: true, "sha256:" + id: true, "abc": true, id + "0": false, "ab": false, "": false, "ABC": false, "abg": false, "sha256:": false,
	} {
		if isID(in) != want {
			t.Errorf("%q: %v", in, !want)
		}
	}
}

func TestFits(t *testing.T) {
	i := &imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}}
	for want, ok := range map[string]bool{"": true, "linux/arm": true, "linux/arm/v7": true, "linux/arm/v6": false, "linux/arm64": false, "windows/arm": false} {
		if fits(i, want) != ok {
			t.Errorf("%q: %v", want, !ok)
		}
	}
}

func TestSingleMap(t *testing.T) {
	for content, want := range map[string]bool{
		"         0       1000          1\n":                                   true,
		"         0       1000          1\n         1     100000      65536\n": false,
		"         0          0          1\n         1          1 4294967294\n": false,
		"         0          0 4294967295\n":                                   false,
	} {
		path := filepath.Join(t.TempDir(), "uid_map")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := singleID(path); err != nil || got != want {
			t.Errorf("%q: %v, %v", content, got, err)
		}
	}
	if _, err := singleID(os.DevNull); err == nil {
		t.Error("an empty map is a map")
	}
}

func TestHas(t *testing.T) {
	options := []string{"overlay.mount_program=/bin/x", "a=", "b=false", "overlay.ignore_chown_errors=true"}
	for name, want := range map[string]bool{"mount_program": true, "ignore_chown_errors": true, "a": false, "b": false, "program": false} {
		if has(options, name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// fakeStore has layers, some of them in use.
type fakeStore struct {
	storage.Store
	layers  map[string]bool // true: in use
	parents map[string]string
	asked   []string
	root    string
}

func (f *fakeStore) GraphRoot() string  { return f.root }
func (f *fakeStore) ImageStore() string { return "" }

func (f *fakeStore) Exists(id string) bool { _, ok := f.layers[id]; return ok }

func (f *fakeStore) DeleteLayer(id string) error {
	f.asked = append(f.asked, id)
	if used, ok := f.layers[id]; used || !ok {
		return errors.New("no")
	}
	for child, parent := range f.parents {
		if parent == id && f.Exists(child) {
			return storage.ErrLayerHasChildren
		}
	}
	delete(f.layers, id)
	return nil
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	blob := "blobs/sha256/" + strings.Repeat("0", 64)
	tarFile(t, dir+"/a.tar", "./oci-layout", "x", "index.json", "one", "index.json", "two", blob, "b",
		"../escaped", "x", "blobs/sha256/../../escaped", "x", "blobs/UP/"+strings.Repeat("0", 64), "x", "other", "x")
	f, err := os.Open(dir + "/a.tar")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := extract(f, out); err != nil {
		t.Fatal(err)
	}
	var got []string
	filepath.WalkDir(out, func(p string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			data, _ := os.ReadFile(p)
			got = append(got, strings.TrimPrefix(p, out+"/")+"="+string(data))
		}
		return nil
	})
	if want := []string{blob + "=b", "index.json=two", "oci-layout=x"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if names, _ := filepath.Glob(dir + "/*"); len(names) != 2 {
		t.Errorf("%q", names)
	}
}

func FuzzExtract(f *testing.F) {
	dir := f.TempDir()
	f.Add([]byte("not a tar"))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		_ = extract(bytes.NewReader(data), out)
		if names, _ := filepath.Glob(dir + "/*"); len(names) != 1 {
			t.Fatalf("%q", names)
		}
		os.RemoveAll(out)
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"debian:12", "oci:a:b", "docker://x", "containers-storage:x", "./x", "/", "coracle/base", "a@sha256:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if strings.HasPrefix(ref, "/") {
			return // may be a device of this machine
		}
		if target, err := parseTarget(ref); err == nil && target.name == "" {
			t.Errorf("%q: no name", ref)
		}
		withoutTag(ref)
		localName(ref)
		if s := printable(ref); strings.ContainsAny(s, "\x1b\x00\r\t\u009b") {
			t.Errorf("%q: printed as %q", ref, s)
		}
	})
}

func TestProgress(t *testing.T) {
	a, b := digest.FromString("a"), digest.FromString("b")
	layers := []types.BlobInfo{{Digest: a, Size: 4000}, {Digest: b, Size: -1}, {Digest: a, Size: 4000}}
	use := func(p *progress) {
		p.start("x\x1b", layers)
		io.Copy(io.Discard, p.reader(a, strings.NewReader("abc")))
		p.fetched(a)
		p.reused(b)
		p.phase("unpacking")
		p.done()
		p.close()
	}
	use(nil) // quiet
	var out bytes.Buffer
	use(&progress{out: &out})
	want := "fetching x?: 2 layers, 4.0 kB\n  " + a.Encoded()[:12] + "  done, 3 B\n  " + b.Encoded()[:12] + "  have it\nunpacking x?\nstored x?\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	out.Reset()
	use(&progress{out: &out, tty: true, cols: 80})
	if s := out.String(); !strings.HasSuffix(s, "have it\nstored x?\n") {
		t.Errorf("%q", s)
	}
}

func TestBars(t *testing.T) {
	for _, tt := range []struct {
		b    layerBar
		cols int
		want string
	}{
		{layerBar{name: "n", size: 100, have: 50}, 0, "  n  50 B of 100 B"},
		{layerBar{name: "n", size: 100, have: 50}, 60, "  n  50 B of 100 B                        [========        ]"},
		{layerBar{name: "n", size: 100, have: 500}, 54, "  n  500 B of 100 B                       [==========]"},
		{layerBar{name: "n", size: -1, have: 5e6}, 80, "  n  5.0 MB"},
		{layerBar{name: "n", size: 2e9, have: 0}, 30, "  n  0 B of 2.0 GB"},
		{layerBar{name: "n", size: 7, have: 7, state: "done"}, 80, "  n  done, 7 B"},
	} {
		if got := tt.b.text(tt.cols); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
