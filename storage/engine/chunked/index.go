package chunked

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
)

// The annotations of a layer.
const (
	tocPlace = "io.github.containers.zstd-chunked.manifest-position"
	tocSum   = "io.github.containers.zstd-chunked.manifest-checksum"
	split    = "io.github.containers.zstd-chunked.tarsplit-position"
)

// maxIndex bounds the table and the tar-split, in bytes each, and maxPacked both
// of them as they come: 300,000 files have 100 MB, in 20. Layers that have more are
// fetched whole.
const (
	maxIndex  = 128 << 20
	maxPacked = 32 << 20
)

// ErrIndex says that a layer's parts cannot be told.
var ErrIndex = errors.New("the layer's table of contents cannot be used")

// A Span is a part of a blob: its first byte, and the one behind its last.
type Span struct{ At, End int64 }

// Len is its length in bytes.
func (s Span) Len() int64 { return s.End - s.At }

// An Index is where a blob's table and tar-split lie.
type Index struct {
	// Span holds both.
	Span
	toc, split           Span
	tocPlain, splitPlain int64
	sum                  digest.Digest
}

// FindIndex reads a layer's annotations; ok is false for a blob that has no index
// or none that is worth its bytes.
func FindIndex(annotations map[string]string, size int64) (x *Index, ok bool) {
	x = &Index{sum: digest.Digest(annotations[tocSum])}
	if x.sum.Validate() != nil {
		return nil, false
	}
	toc, ok1 := numbers(annotations[tocPlace], 4)
	tar, ok2 := numbers(annotations[split], 3)
	if !ok1 || !ok2 || toc[3] != 1 { // the only type there is
		return nil, false
	}
	x.toc, x.tocPlain = Span{toc[0], toc[0] + toc[1]}, toc[2]
	x.split, x.splitPlain = Span{tar[0], tar[0] + tar[1]}, tar[2]
	x.Span = Span{min(x.toc.At, x.split.At), max(x.toc.End, x.split.End)}
	ok = x.End <= size && x.Len() <= maxPacked && x.tocPlain <= maxIndex && x.splitPlain <= maxIndex
	return x, ok && x.At > 0
}

// numbers reads n numbers between colons, none so large that a sum overflows.
func numbers(s string, n int) ([]int64, bool) {
	words := strings.Split(s, ":")
	if len(words) != n {
		return nil, false
	}
	all := make([]int64, n)
	for i, w := range words {
		v, err := strconv.ParseInt(w, 10, 64)
		if err != nil || v < 0 || v > math.MaxInt64/4 {
			return nil, false
		}
		all[i] = v
	}
	return all, true
}

// A File is one with content.
type File struct {
	Name   string // clean, relative
	Size   int64
	Digest digest.Digest
	Span   // compressed, in the blob
}

// A Table is a layer's table of contents.
type Table struct {
	Files []File
	split []byte // compressed
	plain int64
}

// Read takes the index apart; data are the bytes of its Span. Errors: ErrIndex.
func (x *Index) Read(data []byte) (*Table, error) {
	if int64(len(data)) != x.Len() {
		return nil, fmt.Errorf("%w: it is cut off", ErrIndex)
	}
	part := func(s Span) []byte { return data[s.At-x.At : s.End-x.At] }
	if x.sum.Algorithm().FromBytes(part(x.toc)) != x.sum {
		return nil, fmt.Errorf("%w: its digest is another", ErrIndex)
	}
	in, err := inflate(part(x.toc), x.tocPlain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	defer in.Close()
	var toc struct {
		Version int     `json:"version"`
		Entries []entry `json:"entries"`
		Split   string  `json:"tarSplitDigest"`
	}
	if err := json.NewDecoder(in).Decode(&toc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	want := digest.Digest(toc.Split)
	if toc.Version != 1 || want.Validate() != nil || want.Algorithm().FromBytes(part(x.split)) != want {
		return nil, fmt.Errorf("%w: version %d, or the digest of its tar-split is another", ErrIndex, toc.Version)
	}
	t := &Table{split: part(x.split), plain: x.splitPlain}
	for _, e := range toc.Entries {
		f := File{Name: clean(e.Name), Size: e.Size, Digest: digest.Digest(e.Digest), Span: Span{e.Offset, e.EndOffset}}
		if e.Type != "reg" || e.Size == 0 {
			continue
		}
		if e.Size < 0 || f.At <= 0 || f.Len() <= 0 || f.End > x.At || f.Digest.Validate() != nil {
			return nil, fmt.Errorf("%w: %.200q lies nowhere", ErrIndex, e.Name)
		}
		t.Files = append(t.Files, f)
	}
	return t, nil
}

// entry is what matters of one. An entry's content may be cut in chunks, which
// have entries of their own; all of them lie in its span.
type entry struct {
	Type      string `json:"type"`
	Name      string `json:"name"`
	Size      int64  `json:"size"`
	Digest    string `json:"digest"`
	Offset    int64  `json:"offset"`
	EndOffset int64  `json:"endOffset"`
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// inflate decompresses what must not become more than size bytes.
func inflate(data []byte, size int64) (io.ReadCloser, error) {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxIndex))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(z, size), z.IOReadCloser()}, nil
}
