package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// lzma2 is the id of the only filter that is read here (5.3.1); xz writes others
// (BCJ, delta) when asked to only.
const lzma2 = 0x21

// dictionary is how many bytes a block's decompressor remembers, by the block's
// header without its size and its checksum (3.1).
func dictionary(in *bytes.Reader) (int, error) {
	flags, err := in.ReadByte()
	if err != nil {
		return 0, fmt.Errorf("%w: a block without flags", ErrDamaged)
	}
	if flags&0x3f != 0 {
		return 0, fmt.Errorf("%w: xz with filters besides LZMA2", ErrUnknown)
	}
	for _, there := range []byte{0x40, 0x80} { // sizes, which the index has, too
		if flags&there != 0 {
			if _, err := varint(in); err != nil {
				return 0, err
			}
		}
	}
	id, err := varint(in)
	if err != nil {
		return 0, err
	}
	size, err := varint(in)
	if err != nil {
		return 0, err
	}
	bits, err := in.ReadByte()
	switch {
	case id != lzma2:
		return 0, fmt.Errorf("%w: xz with the filter %#x", ErrUnknown, id)
	case err != nil || size != 1 || bits > 40:
		return 0, fmt.Errorf("%w: the properties of LZMA2 are wrong", ErrDamaged)
	}
	for rest, err := in.ReadByte(); err == nil; rest, err = in.ReadByte() {
		if rest != 0 {
			return 0, fmt.Errorf("%w: what fills up the header of a block is not zero", ErrDamaged)
		}
	}
	most := uint64(2|bits&1) << (bits/2 + 11) // 4 GiB - 1 for 40
	if most > window {
		return 0, fmt.Errorf("%w: xz that wants to remember %d MiB, at most %d are granted", ErrUnknown, most>>20, window>>20)
	}
	return int(most), nil
}

// varint is a number as the format has it (1.2): at most nine bytes.
func varint(in io.ByteReader) (uint64, error) {
	var n uint64
	for shift := 0; shift < 63; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if b == 0 && shift > 0 {
			break
		}
		if n |= uint64(b&0x7f) << shift; b < 0x80 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a number that is none", ErrDamaged)
}

// summing shows what is read to a hash.
type summing struct {
	raw
	sum hash.Hash32
}

func (s summing) ReadByte() (byte, error) {
	b, err := s.raw.ReadByte()
	if err == nil {
		_, _ = s.sum.Write([]byte{b})
	}
	return b, err
}

// index reads the index, whose first byte was read, and the footer (4, 2.1.2).
func (x *xz) index() error {
	in := summing{raw{x}, crc32.NewIEEE()}
	_, _ = in.sum.Write([]byte{0})
	n, err := varint(in)
	if err != nil {
		return err
	}
	if n != x.blocks {
		return fmt.Errorf("%w: the index lists %d blocks of %d", ErrDamaged, n, x.blocks)
	}
	for range n {
		var sizes [2]uint64
		for i := range sizes {
			if sizes[i], err = varint(in); err != nil {
				return err
			}
		}
		_ = binary.Write(x.listed, binary.LittleEndian, sizes) // a hash never fails
	}
	if !bytes.Equal(x.seen.Sum(nil), x.listed.Sum(nil)) {
		return fmt.Errorf("%w: the index does not match the blocks", ErrDamaged)
	}
	for (x.passed-x.start)%4 != 0 {
		if b, err := in.ReadByte(); err != nil || b != 0 {
			return fmt.Errorf("%w: the index is not filled up", ErrDamaged)
		}
	}
	size := x.passed - x.start
	b, err := x.take(4 + 12)
	if err != nil {
		return err
	}
	number := binary.LittleEndian.Uint32
	if number(b) != in.sum.Sum32() || number(b[4:]) != crc32.ChecksumIEEE(b[8:14]) ||
		int64(number(b[8:])+1)*4 != size+4 || [2]byte(b[12:14]) != x.flags || string(b[14:]) != "YZ" {
		return fmt.Errorf("%w: its end is wrong", ErrDamaged)
	}
	return nil
}
