// Package decode turns a layer's blob, or an archive, into the tar stream that it
// holds. What
// it is compressed with shows by its first bytes; a manifest's word for it is
// not asked. [Ahead] decompresses while another goroutine unpacks.
package decode

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ErrUnknown: the stream is compressed in a way that this package does not speak.
var ErrUnknown = errors.New("unknown compression")

// window bounds what a zstd stream may make us remember, in bytes: that of
// `zstd --long`, the most that zstd itself accepts unasked.
const window = 128 << 20

// ahead is how much compressed data is read at once.
const ahead = 64 << 10

// A format shows by the first bytes of its streams.
type format struct {
	name, magic string
	open        func(io.Reader) (io.ReadCloser, error)
}

// formats are gzip, zstd and, beyond image-spec/layer.md, the two that docker
// takes besides.
func formats() []format {
	return []format{
		{"gzip", "\x1f\x8b\x08", openGzip},
		{"zstd", "\x28\xb5\x2f\xfd", openZstd},
		{"bzip2", "BZh", openBzip2},
		{"xz", xzMagic, openXZ},
	}
}

// Kind is the name of the compression of a stream that begins so, "" for none.
// Six bytes tell.
func Kind(first []byte) string {
	for _, f := range formats() {
		if bytes.HasPrefix(first, []byte(f.magic)) {
			return f.name
		}
	}
	if skippable(first) {
		return "zstd"
	}
	return ""
}

// Open returns the decompressed stream, and the name of the compression, ""
// for none. Closing it does not close in.
func Open(in io.Reader) (io.ReadCloser, string, error) {
	b := bufio.NewReaderSize(in, ahead)
	first, err := b.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	kind := Kind(first)
	for _, f := range formats() {
		if f.name == kind {
			r, err := f.open(b)
			return r, kind, err
		}
	}
	return io.NopCloser(b), "", nil
}

// skippable reports whether a zstd stream begins with a frame that holds no
// data (RFC 8878, 3.1.2), as some parallel compressors write.
func skippable(first []byte) bool {
	return len(first) >= 4 && first[0]&0xf0 == 0x50 && bytes.Equal(first[1:4], []byte{0x2a, 0x4d, 0x18})
}

func openGzip(in io.Reader) (io.ReadCloser, error) { return gzip.NewReader(in) }

func openBzip2(in io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(in)), nil }

func openZstd(in io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}
