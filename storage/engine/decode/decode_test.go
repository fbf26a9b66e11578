package decode

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

func TestOpen(t *testing.T) {
	data := bytes.Repeat([]byte("what a layer holds "), 50_000)
	zs := zstded(t, data)
	skip := append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, zs...)
	for name, tt := range map[string]struct {
		in   []byte
		kind string
		want []byte
	}{
		"plain":            {data, "", data},
		"empty":            {nil, "", nil},
		"short":            {[]byte("x"), "", []byte("x")},
		"gzip":             {gzipped(t, data), "gzip", data},
		"gzip members":     {append(gzipped(t, data), gzipped(t, data)...), "gzip", append(bytes.Clone(data), data...)},
		"zstd":             {zs, "zstd", data},
		"zstd frames":      {append(bytes.Clone(zs), zs...), "zstd", append(bytes.Clone(data), data...)},
		"zstd, skip first": {skip, "zstd", data},
		"zstd, skip last":  {append(bytes.Clone(zs), skip[:11]...), "zstd", data},
	} {
		r, kind, err := Open(bytes.NewReader(tt.in))
		if err != nil || kind != tt.kind {
			t.Errorf("%s: %q, %v", name, kind, err)
			continue
		}
		sum := sha256.New()
		a := NewAhead(r, sum)
		got, err := io.ReadAll(a)
		a.Close()
		r.Close()
		if err != nil || !bytes.Equal(got, tt.want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if want := sha256.Sum256(tt.want); !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("%s: wrong sum", name)
		}
	}
}

func TestOpenFails(t *testing.T) {
	broken := errors.New("broken")
	if _, _, err := Open(io.MultiReader(strings.NewReader("x"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestTruncated: a stream that ends early is an error, whatever its length.
func TestTruncated(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	for name, whole := range map[string][]byte{"gzip": gzipped(t, data), "zstd": zstded(t, data)} {
		for _, cut := range []int{1, 5, len(whole) / 2} {
			r, _, err := Open(bytes.NewReader(whole[:len(whole)-cut]))
			if err != nil {
				t.Fatal(err)
			}
			a := NewAhead(r, io.Discard)
			if _, err := io.ReadAll(a); err == nil {
				t.Errorf("%s without %d bytes is complete", name, cut)
			}
			a.Close()
		}
	}
}

// TestAheadStops: closing ends the goroutine in the middle of a stream.
func TestAheadStops(t *testing.T) {
	a := NewAhead(endless{}, io.Discard)
	if _, err := io.ReadFull(a, make([]byte, 3*blockSize+1)); err != nil {
		t.Fatal(err)
	}
	a.Close()
	a.Close()
	broken := errors.New("broken")
	a = NewAhead(io.MultiReader(strings.NewReader("abc"), failing{broken}), io.Discard)
	got, err := io.ReadAll(a)
	a.Close()
	if string(got) != "abc" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func FuzzOpen(f *testing.F) {
	f.Add(gzipped(f, []byte("x")))
	f.Add(zstded(f, []byte("x")))
	f.Add([]byte("plain"))
	for _, name := range archives(f) {
		f.Add(read(f, name))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		r, _, err := Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		defer r.Close()
		a := NewAhead(r, io.Discard)
		defer a.Close()
		_, _ = io.CopyN(io.Discard, a, 1<<20)
	})
}
