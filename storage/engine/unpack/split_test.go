package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"
)

// again makes the stream anew from the directory and the record, as
// containers/storage does for a push.
func again(t *testing.T, w *world, record []byte) []byte {
	t.Helper()
	r := asm.NewOutputTarStream(storage.NewPathFileGetter(w.dest), storage.NewJSONUnpacker(bytes.NewReader(record)))
	defer r.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sparse is an archive with a file of which only the middle is there, in the
// PAX form 1.0 (tar(5)), which archive/tar reads and does not write.
func sparse(t *testing.T) []byte {
	t.Helper()
	head := "1\n1048576\n4096\n"
	body := head + strings.Repeat("\x00", 512-len(head)) + strings.Repeat("D", 4096)
	m := reg("GNUSparseFile.0/s", body).pax("GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "s", "GNU.sparse.realsize", "2097152")
	// The writer refuses GNU's records; they are put in afterwards.
	for k, v := range m.PAXRecords {
		delete(m.PAXRecords, k)
		m.PAXRecords["XXX"+k[3:]] = v
	}
	return bytes.ReplaceAll(stream(t, m, reg("after", "x")), []byte("XXX.sparse"), []byte("GNU.sparse"))
}

// TestSplit makes streams again, byte for byte.
func TestSplit(t *testing.T) {
	padded := append(stream(t, reg("a", "x")), make([]byte, 200_000)...)
	bare := stream(t, reg("a", "x"))
	for name, data := range map[string][]byte{
		"everything": stream(t, everything()...),
		"empty":      stream(t),
		"nothing":    {},
		"padded":     padded,
		"no end":     bare[:len(bare)-1024],
		"sparse":     sparse(t),
		"the same twice": stream(t, reg("a", "one"), reg("b", "two"), reg("a", "one"), dir("d"), dir("d/"), sym("s", "a"), sym("s", "a"),
			reg("d/.wh.x", ""), reg("d/.wh.x", ""), reg("d/.wh..wh..opq", ""), reg("d/.wh..wh..opq", ""), link("l", "a"), link("l", "a")),
		"empty twice":     stream(t, reg("a", ""), reg("a", "now full"), reg("e", ""), reg("e", "")),
		"devices twice":   stream(t, reg("n", "").kind(tar.TypeChar), reg("n", "").kind(tar.TypeChar)),
		"through links":   stream(t, sym("out", "/etc"), reg("out/passwd", "not the host's"), sym("lib", "usr/lib"), reg("lib/x", "1"), reg("usr/lib/x", "1")),
		"global headers":  stream(t, member{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"k": "v"}}}, member{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"k": "w"}}}, reg("a", "x")),
		"root twice":      stream(t, dir("./"), dir("./"), reg("a", "x")),
		"quotes in names": stream(t, reg("a\"b\\c\x01", "x"), reg("\u2028<&>", "y")),
		"large":           stream(t, reg("a", strings.Repeat("0123456789", 100_000)), reg("b", "x")),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var record bytes.Buffer
			o := options()
			o.Split = &record
			r, err := w.unpack(data, o)
			if err != nil {
				t.Fatal(err)
			}
			if got := again(t, w, record.Bytes()); !bytes.Equal(got, data) {
				t.Errorf("%d bytes came back of %d", len(got), len(data))
			}
			if r.Size != int64(len(data)) {
				t.Errorf("size %d of %d", r.Size, len(data))
			}
		})
	}
}

// TestSparse: a sparse file has its holes back.
func TestSparse(t *testing.T) {
	w := newWorld(t)
	if _, err := w.unpack(sparse(t), options()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(w.dest, "s"))
	want := strings.Repeat("\x00", 1<<20) + strings.Repeat("D", 4096) + strings.Repeat("\x00", 1<<20-4096)
	if err != nil || string(got) != want {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestSplitLikeLibrary: the record has the entries that tar-split's own
// disassembly has, so that whoever reads one can read the other.
func TestSplitLikeLibrary(t *testing.T) {
	w := newWorld(t)
	var members []member
	for _, m := range everything() {
		// Names through links and devices are left out here, with intent.
		if !strings.HasPrefix(m.Name, "bin/") && m.Typeflag != tar.TypeChar {
			members = append(members, m)
		}
	}
	data := stream(t, members...)
	var ours, theirs bytes.Buffer
	o := options()
	o.Split = &ours
	if _, err := w.unpack(data, o); err != nil {
		t.Fatal(err)
	}
	r, done, err := asm.NewInputTarStreamWithDone(bytes.NewReader(data), storage.NewJSONPacker(&theirs), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	a, b := files(t, &ours), files(t, &theirs)
	if a != b {
		t.Errorf("ours\n%s\ntheirs\n%s", a, b)
	}
}

// files are a record's files, and the bytes between them.
func files(t *testing.T, record io.Reader) string {
	t.Helper()
	var out strings.Builder
	raw := 0
	for u := storage.NewJSONUnpacker(record); ; {
		e, err := u.Next()
		if err == io.EOF {
			fmt.Fprintf(&out, "%d raw\n", raw)
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == storage.SegmentType {
			raw += len(e.Payload)
			continue
		}
		// Whether padding comes before or after an empty file is of no matter.
		if e.Size > 0 {
			fmt.Fprintf(&out, "%d raw\n", raw)
			raw = 0
		}
		fmt.Fprintf(&out, "%q %d %x\n", e.GetName(), e.Size, e.Payload)
	}
}
