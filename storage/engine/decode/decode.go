// Package decode turns a layer's blob into the tar stream that it holds. What
// it is compressed with shows by its first bytes; a manifest's word for it is
// not asked. [Ahead] decompresses while another goroutine unpacks.
package decode

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ErrUnknown: the stream is compressed, but with nothing that this package
// speaks.
var ErrUnknown = errors.New("unknown compression")

// window bounds what a zstd stream may make us remember, in bytes: that of
// `zstd --long`, the most that zstd itself accepts unasked.
const window = 128 << 20

// ahead is how much compressed data is read at once.
const ahead = 64 << 10

// magics are the first bytes of compressed streams.
var magics = []struct {
	name  string
	bytes []byte
	open  func(io.Reader) (io.ReadCloser, error)
}{
	{"gzip", []byte{0x1f, 0x8b, 0x08}, openGzip},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, openZstd},
	{"bzip2", []byte("BZh"), nil},
	{"xz", []byte{0xfd, '7', 'z', 'X', 'Z', 0}, nil},
}

// Open returns the decompressed stream, and the name of the compression, ""
// for none. Closing it does not close in.
func Open(in io.Reader) (io.ReadCloser, string, error) {
	b := bufio.NewReaderSize(in, ahead)
	first, err := b.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	for _, m := range magics {
		if !bytes.HasPrefix(first, m.bytes) {
			continue
		}
		if m.open == nil {
			return nil, m.name, fmt.Errorf("%w: %s (a layer is gzip, zstd or plain: image-spec/layer.md)", ErrUnknown, m.name)
		}
		r, err := m.open(b)
		return r, m.name, err
	}
	if skippable(first) {
		r, err := openZstd(b)
		return r, "zstd", err
	}
	return io.NopCloser(b), "", nil
}

// skippable reports whether a zstd stream begins with a frame that holds no
// data (RFC 8878, 3.1.2), as some parallel compressors write.
func skippable(first []byte) bool {
	return len(first) >= 4 && first[0]&0xf0 == 0x50 && bytes.Equal(first[1:4], []byte{0x2a, 0x4d, 0x18})
}

func openGzip(in io.Reader) (io.ReadCloser, error) { return gzip.NewReader(in) }

func openZstd(in io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}
