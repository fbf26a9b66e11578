package chunked

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.podman.io/storage/pkg/chunked/compressor"
)

// member is one of a tar; a name that ends in / is a directory's.
type member struct{ name, content string }

func archive(t testing.TB, all []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range all {
		h := &tar.Header{Name: m.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(m.content))}
		if strings.HasSuffix(m.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		check(t, w.WriteHeader(h))
		_, err := w.Write([]byte(m.content))
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

func blob(t testing.TB, plain []byte) ([]byte, map[string]string) {
	t.Helper()
	var b bytes.Buffer
	annotations := map[string]string{}
	w, err := compressor.ZstdCompressor(&b, annotations, nil)
	check(t, err)
	_, err = w.Write(plain)
	check(t, err)
	check(t, w.Close())
	return b.Bytes(), annotations
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sample() []member {
	return []member{
		{"./etc/", ""}, {"./etc/one", "the first"}, {"./etc/empty", ""}, {"etc/two", strings.Repeat("second ", 5000)}, {"/etc/three", strings.Repeat("\x00", 100_000)},
		{"./etc/four", "the fourth"}, {"./last", "x"},
	}
}

func table(t testing.TB, data []byte, annotations map[string]string) *Table {
	t.Helper()
	x, ok := FindIndex(annotations, int64(len(data)))
	if !ok {
		t.Fatal("no index")
	}
	tab, err := x.Read(data[x.At:x.End])
	check(t, err)
	return tab
}

func none(int) (io.ReadCloser, error) { return nil, nil }

// from reads file i of a blob.
func from(tab *Table, data []byte) func(int) (io.Reader, error) {
	return func(i int) (io.Reader, error) { return bytes.NewReader(data[tab.Files[i].At:]), nil }
}

func TestTar(t *testing.T) {
	plain := archive(t, sample())
	data, annotations := blob(t, plain)
	tab := table(t, data, annotations)
	if len(tab.Files) != 5 || tab.Files[1].Name != "etc/two" || tab.Files[1].Size != 35_000 {
		t.Fatalf("%+v", tab.Files)
	}
	var all bytes.Buffer
	check(t, tab.Tar(&all, none, from(tab, data)))
	if !bytes.Equal(all.Bytes(), plain) {
		t.Errorf("%d bytes of %d", all.Len(), len(plain))
	}
	all.Reset()
	check(t, tab.Tar(&all, func(i int) (io.ReadCloser, error) {
		if i != 1 {
			return nil, nil
		}
		return io.NopCloser(strings.NewReader(sample()[3].content)), nil
	}, func(i int) (io.Reader, error) {
		if i == 1 {
			t.Error("it is fetched all the same")
		}
		return from(tab, data)(i)
	}))
	if !bytes.Equal(all.Bytes(), plain) {
		t.Errorf("with local content: %d bytes of %d", all.Len(), len(plain))
	}
	broken := errors.New("broken")
	if err := tab.Tar(io.Discard, none, func(int) (io.Reader, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := tab.Tar(io.Discard, func(i int) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("other")), nil }, nil); err == nil {
		t.Error("other content passes")
	}
}

func TestFindIndex(t *testing.T) {
	data, good := blob(t, archive(t, sample()))
	size := int64(len(data))
	for name, change := range map[string]func(map[string]string){
		"none":      func(m map[string]string) { clear(m) },
		"no sum":    func(m map[string]string) { delete(m, tocSum) },
		"bad sum":   func(m map[string]string) { m[tocSum] = "sha256:../x" },
		"no split":  func(m map[string]string) { delete(m, split) },
		"few":       func(m map[string]string) { m[tocPlace] = "1:2:3" },
		"kind":      func(m map[string]string) { m[tocPlace] = "1:2:3:2" },
		"words":     func(m map[string]string) { m[tocPlace] = "a:b:c:1" },
		"negative":  func(m map[string]string) { m[tocPlace] = "-1:2:3:1" },
		"beyond":    func(m map[string]string) { m[tocPlace] = fmt.Sprintf("%d:2:3:1", size) },
		"overflow":  func(m map[string]string) { m[split] = "9223372036854775807:9223372036854775807:1" },
		"huge":      func(m map[string]string) { m[split] = fmt.Sprintf("1:10:%d", maxIndex+1) },
		"beginning": func(m map[string]string) { m[split] = "0:10:10" },
	} {
		m := maps.Clone(good)
		if change(m); len(m) == len(good) || name != "" {
			if x, ok := FindIndex(m, size); ok {
				t.Errorf("%s: %+v", name, x)
			}
		}
	}
	if _, ok := FindIndex(good, size-1); !ok { // the footer is not needed
		t.Error("a byte less, and there is no index")
	}
	x, _ := FindIndex(good, size)
	for at := range data[x.At:x.End] { // nothing of it can be changed
		changed := bytes.Clone(data[x.At:x.End])
		changed[at] ^= 1
		if _, err := x.Read(changed); err == nil && (x.At+int64(at) >= x.toc.At && x.At+int64(at) < x.toc.End || x.At+int64(at) >= x.split.At && x.At+int64(at) < x.split.End) {
			t.Errorf("byte %d changed", at)
		}
	}
	if _, err := x.Read(data[x.At : x.End-1]); !errors.Is(err, ErrIndex) {
		t.Error(err)
	}
}

func TestSpans(t *testing.T) {
	const m = 1 << 20
	tab := &Table{Files: []File{{Span: Span{10, 20}}, {Span: Span{20, 100}}, {Span: Span{m, 2 * m}}, {Span: Span{5 * m, 6 * m}}, {Span: Span{6*m + minGap, 7 * m}}}}
	for missing, want := range map[string]string{
		"": "[]", "0": "[{10 20}]", "01": "[{10 100}]", "02": "[{10 20} {1048576 2097152}]", "34": "[{5242880 7340032}]", "01234": "[{10 100} {1048576 2097152} {5242880 7340032}]",
	} {
		got, ok := tab.Spans(func(i int) bool { return strings.Contains(missing, fmt.Sprint(i)) })
		if fmt.Sprint(got) != want || !ok {
			t.Errorf("%s: %v, want %s", missing, got, want)
		}
	}
	tab.Files[1].At = 15
	if _, ok := tab.Spans(func(int) bool { return true }); ok {
		t.Error("parts that overlap")
	}
	many := &Table{}
	for i := range int64(1000) {
		many.Files = append(many.Files, File{Span: Span{i*m + 1, i*m + 2}})
	}
	if got, ok := many.Spans(func(int) bool { return true }); !ok || len(got) > maxSpans || got[0].At != 1 || got[len(got)-1].End != 999*m+2 {
		t.Errorf("%d parts", len(got))
	}
	if n := Total([]Span{{1, 3}, {10, 11}}); n != 3 {
		t.Error(n)
	}
}

// TestFindLocal: only regular files of the same content count, and nothing that
// lies there holds the search up or leads out of the directory.
func TestFindLocal(t *testing.T) {
	data, annotations := blob(t, archive(t, []member{{"a", "aaaa"}, {"b", "bbbb"}, {"c", "cccc"}, {"d/e", "eeee"}, {"f", "ffff"}, {"g", "gggg"}}))
	tab := table(t, data, annotations)
	dir, outside, other := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(path, text string) { t.Helper(); check(t, os.WriteFile(path, []byte(text), 0o644)) }
	write(filepath.Join(dir, "a"), "aaaa")
	write(filepath.Join(dir, "b"), "BBBB")
	write(filepath.Join(outside, "c"), "cccc")
	write(filepath.Join(outside, "e"), "eeee")
	check(t, os.Symlink(filepath.Join(outside, "c"), filepath.Join(dir, "c")))
	check(t, os.Symlink(outside, filepath.Join(dir, "d")))
	check(t, syscall.Mkfifo(filepath.Join(dir, "f"), 0o644))
	write(filepath.Join(other, "g"), "gggg")
	write(filepath.Join(other, "b"), "bbbb")
	l, err := tab.FindLocal(context.Background(), []string{filepath.Join(dir, "none"), dir, other})
	check(t, err)
	defer l.Close()
	for i, want := range []bool{true, true, false, false, false, true} {
		if l.Has(i) != want {
			t.Errorf("%s: %v", tab.Files[i].Name, l.Has(i))
		}
		in, err := l.Open(tab, i)
		check(t, err)
		if (in != nil) != want {
			t.Errorf("%s: %v", tab.Files[i].Name, in)
		}
		if in != nil {
			in.Close()
		}
	}
	if want := tab.Files[0].Len() + tab.Files[1].Len() + tab.Files[5].Len(); l.Bytes != want {
		t.Errorf("%d bytes, want %d", l.Bytes, want)
	}
	check(t, os.Remove(filepath.Join(dir, "a")))
	check(t, syscall.Mkfifo(filepath.Join(dir, "a"), 0o644))
	if in, err := l.Open(tab, 0); err == nil {
		t.Errorf("a FIFO now: %v", in)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := tab.FindLocal(stopped, []string{dir}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// FuzzIndex: whatever a table says, reading it ends, and no part lies outside.
func FuzzIndex(f *testing.F) {
	data, m := blob(f, archive(f, sample()))
	f.Add(m[tocPlace], m[split], m[tocSum], data)
	f.Add("100:10:10:1", "110:5:5", m[tocSum], data)
	f.Fuzz(func(t *testing.T, toc, tar, sum string, data []byte) {
		x, ok := FindIndex(map[string]string{tocPlace: toc, split: tar, tocSum: sum}, int64(len(data)))
		if !ok {
			return
		}
		x.sum = x.sum.Algorithm().FromBytes(data[x.toc.At:x.toc.End]) // so that more than digests is tried
		tab, err := x.Read(data[x.At:x.End])
		if err != nil {
			return
		}
		all, _ := tab.Spans(func(int) bool { return true })
		for _, s := range all {
			if s.At < 0 || s.End > int64(len(data)) || s.Len() <= 0 {
				t.Fatal(s)
			}
		}
		_ = tab.Tar(io.Discard, none, from(tab, data))
	})
}
