package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// archives are files that bzip2 and xz wrote, of the same text.
func archives(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*.*z*")
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lines() string {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "line %d of what a layer holds\n", i+1)
	}
	return b.String()
}

func TestArchives(t *testing.T) {
	text := lines()
	refused := map[string]string{"x86.xz": "filters besides", "window.xz": "256 MiB, at most 128"}
	for _, name := range archives(t) {
		whole := read(t, name)
		got, err := decodeAll(whole)
		if want := refused[filepath.Base(name)]; want != "" {
			if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		for cut := 1; cut < len(whole)-len(xzMagic); cut += 1 + len(whole)/20 {
			if got, err := decodeAll(whole[:len(whole)-cut]); err == nil && !strings.HasPrefix(name, "testdata/streams") {
				t.Errorf("%s without %d bytes is complete: %d bytes", name, cut, len(got))
			}
		}
	}
}

func decodeAll(data []byte) ([]byte, error) {
	r, _, err := Open(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestXZFlips changes each byte of a stream: none may pass for another content.
func TestXZFlips(t *testing.T) {
	text := lines()
	for _, name := range []string{"plain.xz", "sha256.xz", "blocks.xz"} {
		whole := read(t, "testdata/"+name)
		for i := 0; i < len(whole); i++ {
			if i > 64 && i < len(whole)-64 && i%9 != 0 { // of the compressed bytes some will do
				continue
			}
			changed := bytes.Clone(whole)
			changed[i] ^= 0x10
			got, err := decodeAll(changed)
			if err == nil && i >= len(xzMagic) && string(got) != text { // before that it is not compressed at all
				t.Errorf("%s, byte %d: %d bytes, no error", name, i, len(got))
			}
		}
	}
}

// TestXZSource: what goes wrong with the source is not called damage.
func TestXZSource(t *testing.T) {
	whole := read(t, "testdata/plain.xz")
	broken := errors.New("broken")
	for _, n := range []int{8, 20, 400, len(whole) - 3} {
		r, _, err := Open(io.MultiReader(bytes.NewReader(whole[:n]), failing{broken}))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, broken) || errors.Is(err, ErrDamaged) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	whole[500] ^= 1
	if _, err := decodeAll(whole); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// TestXZMemory: what is remembered is bounded, whatever a second block asks for.
func TestXZMemory(t *testing.T) {
	whole := read(t, "testdata/blocks.xz")
	bits := bytes.Index(whole[20:], []byte{0x21, 1, whole[bytes.Index(whole, []byte{0x21, 1})+2]})
	if bits < 0 {
		t.Fatal("no second block")
	}
	at := bytes.LastIndex(whole, []byte{0x21, 1, whole[20+bits+2]})
	header := at
	for header > 12 && crc32.ChecksumIEEE(whole[header:header+int(whole[header])*4]) != binary.LittleEndian.Uint32(whole[header+int(whole[header])*4:]) {
		header--
	}
	size := int(whole[header]) * 4
	whole[at+2] = 40 // 4 GiB
	binary.LittleEndian.PutUint32(whole[header+size:], crc32.ChecksumIEEE(whole[header:header+size]))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := decodeAll(whole)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "4096 MiB") {
		t.Error(err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 3*window {
		t.Errorf("%d bytes were taken", took)
	}
}

// FuzzXZ: whatever it reads, the stream ends, and what is no error has a size
// that the index knew.
func FuzzXZ(f *testing.F) {
	for _, name := range archives(f) {
		if strings.HasSuffix(name, ".xz") {
			f.Add(read(f, name))
		}
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		r, err := openXZ(bytes.NewReader(data))
		if err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, r, 1<<20)
	})
}
