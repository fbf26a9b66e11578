package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"
)

// small bounds keep a fuzzer quick.
var small = Limits{Entries: 200, Path: 300, Extended: 64 << 10, Size: 1 << 20, Free: 256 << 10, Padding: 64 << 10}

// FuzzUnpack feeds any stream to the extractor: nothing outside of the directory
// changes, and the record of what was accepted makes the same bytes again.
func FuzzUnpack(f *testing.F) {
	var seed []member
	for _, m := range everything() {
		if len(m.body) < 100 {
			seed = append(seed, m)
		}
	}
	f.Add(stream(f, seed...))
	f.Add(stream(f, sym("a", "../victim"), reg("a/hello", "x"), link("b", "a/hello"), reg("a/.wh.hello", "")))
	f.Add(stream(f, dir("d"), reg("d/x", "1"), sym("d", "/"), reg("d/y", ""), reg("x", "1"), reg("x", "1")))
	f.Fuzz(func(t *testing.T, data []byte) { tryUnpack(t, data) })
}

// FuzzMembers makes archives of a few members, which arbitrary bytes seldom are.
func FuzzMembers(f *testing.F) {
	f.Add([]byte("2a\x00../victim\x00" + "0a/hello\x00x\x00" + "1l\x00a/hello\x00"))
	f.Add([]byte("5d\x00\x000d/x\x00y\x002d\x00/\x000d/.wh.z\x00\x00"))
	f.Add([]byte("2./\x00..\x000.wh..wh..opq\x00\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for len(script) > 1 {
			kind := script[0]
			name, rest, _ := bytes.Cut(script[1:], []byte{0})
			to, rest, _ := bytes.Cut(rest, []byte{0})
			script = rest
			h := &tar.Header{Typeflag: kind, Name: string(name), Mode: int64(kind) * 37}
			body := ""
			switch kind {
			case tar.TypeReg:
				body, h.Size = string(to), int64(len(to))
			case tar.TypeLink, tar.TypeSymlink:
				h.Linkname = string(to)
			}
			if w.WriteHeader(h) == nil {
				_, _ = io.WriteString(w, body)
			}
		}
		w.Close()
		tryUnpack(t, buf.Bytes())
	})
}

func tryUnpack(t *testing.T, data []byte) {
	if os.Getuid() != 0 {
		t.Skip("root: files get owners")
	}
	top, err := os.MkdirTemp("", "unpack-fuzz-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(top)
	w := &world{top: top, dest: filepath.Join(top, "dest"), victim: filepath.Join(top, "victim")}
	for _, d := range []string{w.dest, w.victim} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	hello := filepath.Join(w.victim, "hello")
	if err := os.WriteFile(hello, []byte("victim"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Lstat(hello)
	if err != nil {
		t.Fatal(err)
	}
	var record bytes.Buffer
	o := Options{UIDs: everyID(), GIDs: everyID(), UserNS: true, Limits: small, Split: &record}
	_, err = Unpack(context.Background(), bytes.NewReader(data), w.dest, o)
	after, serr := os.Lstat(hello)
	if serr != nil || after.Mode() != before.Mode() || after.ModTime() != before.ModTime() || after.Size() != before.Size() {
		t.Fatalf("the neighbour changed: %v, %v", after, serr)
	}
	if names, _ := os.ReadDir(w.victim); len(names) != 1 {
		t.Fatalf("the neighbour has %v", names)
	}
	if names, _ := os.ReadDir(top); len(names) != 2 {
		t.Fatalf("beside the directory there is %v", names)
	}
	if err != nil {
		return
	}
	r := asm.NewOutputTarStream(storage.NewPathFileGetter(w.dest), storage.NewJSONUnpacker(&record))
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes came back of %d: %v", len(got), len(data), err)
	}
}
