package decode

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// xz reads the container (tukaani.org/xz/xz-file-format.txt) around LZMA2 data.
// The library that decompresses LZMA2 has one of its own, which remembers as much
// as each block's header asks for: up to 4 GiB.
type xz struct {
	in     *bufio.Reader
	passed int64 // bytes read of this stream
	flags  [2]byte
	sum    hash.Hash // of the block's content, nil for none
	block  io.Reader // nil between blocks
	start  int64     // passed, when the block began
	plain  int64     // bytes of the block's content
	// seen and listed are hashes over the sizes of blocks, as they were and as the
	// index has them: so that a stream of a million blocks need not be remembered.
	seen, listed hash.Hash
	blocks       uint64
	err          error
	failed       error // of in, which LZMA2 must not make its own
}

const xzMagic = "\xfd7zXZ\x00"

// ErrDamaged: an xz stream is not what it says it is.
var ErrDamaged = errors.New("damaged xz stream")

func openXZ(in io.Reader) (io.ReadCloser, error) {
	x := &xz{in: bufio.NewReaderSize(in, ahead)}
	if err := x.header(); err != nil {
		return nil, err
	}
	return io.NopCloser(x), nil
}

// Read implements io.Reader.
func (x *xz) Read(p []byte) (int, error) {
	for x.err == nil {
		if x.block == nil {
			x.err = x.next()
			continue
		}
		n, err := x.block.Read(p)
		x.plain += int64(n)
		if x.sum != nil {
			_, _ = x.sum.Write(p[:n]) // a hash never fails
		}
		switch {
		case errors.Is(err, io.EOF):
			x.err = x.endBlock()
		case x.failed != nil:
			x.err = x.failed
		case err != nil:
			x.err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, x.err
}

// raw is the stream, counted; LZMA2 is read from it byte by byte.
type raw struct{ x *xz }

func (r raw) Read(p []byte) (int, error) {
	n, err := r.x.in.Read(p)
	r.x.passed += int64(n)
	r.x.note(err)
	return n, err
}

func (r raw) ReadByte() (byte, error) {
	b, err := r.x.in.ReadByte()
	if err == nil {
		r.x.passed++
	}
	r.x.note(err)
	return b, err
}

func (x *xz) note(err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		x.failed = err
	}
}

// take reads n bytes, which must be there.
func (x *xz) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(raw{x}, b)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// header reads the beginning of a stream (2.1.1).
func (x *xz) header() error {
	x.passed, x.blocks, x.seen, x.listed = 0, 0, sha256.New(), sha256.New()
	b, err := x.take(12)
	if err != nil {
		return err
	}
	x.flags = [2]byte(b[6:8])
	if string(b[:6]) != xzMagic || binary.LittleEndian.Uint32(b[8:]) != crc32.ChecksumIEEE(b[6:8]) {
		return fmt.Errorf("%w: its header is wrong", ErrDamaged)
	}
	_, _, err = check(x.flags)
	return err
}

// check is how the content of blocks is verified (2.1.1.2).
func check(flags [2]byte) (sum hash.Hash, size int, err error) {
	switch flags {
	case [2]byte{0, 0}:
		return nil, 0, nil
	case [2]byte{0, 1}:
		return crc32.NewIEEE(), 4, nil
	case [2]byte{0, 4}:
		return crc64.New(crc64.MakeTable(crc64.ECMA)), 8, nil
	case [2]byte{0, 10}:
		return sha256.New(), sha256.Size, nil
	}
	return nil, 0, fmt.Errorf("%w: xz with the check %x", ErrUnknown, flags)
}

// next begins a block, or reads the end of the stream and begins another one.
func (x *xz) next() error {
	x.start = x.passed
	size, err := x.take(1)
	if err != nil {
		return err
	}
	if size[0] != 0 {
		return x.beginBlock(size[0])
	}
	if err := x.index(); err != nil {
		return err
	}
	for { // stream padding (2.2)
		four, err := x.in.Peek(4)
		switch {
		case len(four) == 0 && errors.Is(err, io.EOF):
			return io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case !bytes.Equal(four, make([]byte, 4)):
			return x.header()
		}
		_, _ = x.in.Discard(4) // it was peeked at
	}
}

// beginBlock reads the header of a block (3.1).
func (x *xz) beginBlock(size byte) error {
	rest, err := x.take(int(size)*4 + 3)
	if err != nil {
		return err
	}
	whole := append([]byte{size}, rest...)
	body := whole[:len(whole)-4]
	if binary.LittleEndian.Uint32(whole[len(body):]) != crc32.ChecksumIEEE(body) {
		return fmt.Errorf("%w: the header of a block is wrong", ErrDamaged)
	}
	window, err := dictionary(bytes.NewReader(body[1:]))
	if err != nil {
		return err
	}
	x.plain = 0
	x.sum, _, _ = check(x.flags) // the stream's header passed
	x.block, err = lzma.Reader2Config{DictCap: window}.NewReader2(raw{x})
	return err
}

// endBlock verifies what a block was (3.3, 3.4).
func (x *xz) endBlock() error {
	x.block = nil
	sizes := [2]uint64{0, uint64(x.plain)}
	padding, err := x.take(int((4 - (x.passed-x.start)%4) % 4))
	if err != nil {
		return err
	}
	_, size, _ := check(x.flags)
	sizes[0] = uint64(x.passed-x.start) - uint64(len(padding)) + uint64(size)
	want, err := x.take(size)
	if err != nil {
		return err
	}
	if x.sum != nil {
		got := x.sum.Sum(nil)
		if size <= 8 {
			for i, j := 0, size-1; i < j; i, j = i+1, j-1 { // they are little-endian there
				got[i], got[j] = got[j], got[i]
			}
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%w: the checksum of a block does not match", ErrDamaged)
		}
	}
	if len(bytes.Trim(padding, "\x00")) > 0 {
		return fmt.Errorf("%w: what fills up a block is not zero", ErrDamaged)
	}
	x.blocks++
	return binary.Write(x.seen, binary.LittleEndian, sizes)
}
