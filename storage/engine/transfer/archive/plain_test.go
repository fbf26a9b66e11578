//go:build containers_image_openpgp

package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/ulikunitz/xz"
	"go.podman.io/image/v5/types"
)

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o600) }

// forms are one text in all forms but bzip2, which Go only reads.
func forms(t *testing.T, text string) map[string]string {
	t.Helper()
	var z, x bytes.Buffer
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	xw, err := xz.NewWriter(&x)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{zw, xw} {
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"plain": text, "gzip": gz(text), "zstd": z.String(), "xz": x.String()}
}

func write(t *testing.T, data string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func piped(t *testing.T, data string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.WriteString(w, data)
		w.Close()
	}()
	t.Cleanup(func() { r.Close() })
	return r
}

func TestPlain(t *testing.T) {
	text := strings.Repeat("some text ", 20000)
	s := Spool{Dir: t.TempDir()}
	for name, data := range forms(t, text) {
		for how, f := range map[string]*os.File{"file": write(t, data), "pipe": piped(t, data)} {
			got, err := Plain(context.Background(), f, s)
			if err != nil {
				t.Errorf("%s, %s: %v", name, how, err)
				continue
			}
			if same := got == f; same != (name == "plain" && how == "file") {
				t.Errorf("%s, %s: the file itself: %v", name, how, same)
			}
			back := make([]byte, len(text)+1)
			if n, err := got.ReadAt(back, 0); string(back[:n]) != text || !errors.Is(err, io.EOF) {
				t.Errorf("%s, %s: %d bytes, %v", name, how, n, err)
			}
			got.Close()
		}
	}
	if left, err := os.ReadDir(s.Dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	// A file of which somebody has read a part is read from there.
	f := write(t, "abcdef")
	f.Seek(3, io.SeekStart)
	got, err := Plain(context.Background(), f, s)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := io.ReadAll(got); string(data) != "def" {
		t.Errorf("the rest is %q", data)
	}
	got.Close()
}

func TestBounds(t *testing.T) {
	if _, err := (Spool{Dir: t.TempDir(), Most: 10}).Put(strings.NewReader("eleven byte")); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	f, err := (Spool{Dir: t.TempDir(), Most: 10}).Put(strings.NewReader("ten bytes!"))
	if err != nil {
		t.Error(err)
	}
	f.Close()
	if _, err := (Spool{Dir: "/nonexistent"}).Put(strings.NewReader("")); err == nil {
		t.Error("a spool in no directory")
	}
	// A stream that grows: what counts is the compressed bytes that were read.
	g := &growing{ReadCloser: io.NopCloser(zeros{}), from: &counter{}, have: growthAllowed - 10}
	if _, err := io.Copy(io.Discard, g); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Plain(ctx, piped(t, "x"), Spool{Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	bad := gz(strings.Repeat("x", 100000))
	if _, err := Plain(context.Background(), piped(t, bad[:len(bad)-20]), Spool{Dir: t.TempDir()}); err == nil {
		t.Error("half a stream is good enough")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRootfs(t *testing.T) {
	tarball := string(pack(t, entry{name: "etc/motd", data: "hello"}))
	for name, data := range forms(t, tarball) {
		r, err := NewRootfs(context.Background(), write(t, data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.DiffID() != digest.FromString(tarball) {
			t.Errorf("%s: diff id %s", name, r.DiffID())
		}
		src, err := r.Ref("x", []byte("{}")).NewImageSource(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := blobOf(t, src, r.DiffID()); got != tarball {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		if got := blobOf(t, src, digest.FromString("{}")); got != "{}" {
			t.Errorf("%s: configuration %q", name, got)
		}
		if _, _, err := src.GetBlob(context.Background(), types.BlobInfo{Digest: digest.FromString("x")}, nil); err == nil {
			t.Error("any blob is there")
		}
	}
	bad := forms(t, tarball)["gzip"]
	if _, err := NewRootfs(context.Background(), write(t, bad[:len(bad)-9])); err == nil {
		t.Error("half a tar is good enough")
	}
}
