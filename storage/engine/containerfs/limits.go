package containerfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrFormat says that a stream is no archive, or one that makes no sense.
	ErrFormat = errors.New("not a proper tar archive")
	// ErrLimit says that an archive asks for too much.
	ErrLimit = errors.New("over the limit")
)

// Limits bound an archive; zero fields have defaults. Names and targets of links
// are always shorter than PATH_MAX, and a member has 256 attributes at most.
type Limits struct {
	// Entries bounds the members: 10 million.
	Entries int64
	// Ratio bounds the bytes unpacked for each that Compressed tells, beyond the
	// first 512 MiB: 250. Without Compressed there is no such bound.
	Ratio      int64
	Compressed func() int64
}

const (
	freeOfRatio = 512 << 20
	maxAttrs    = 256
)

// bounded reads an archive within limits. As a reader it is the content of the
// member that came last.
type bounded struct {
	Limits
	ctx           context.Context
	tar           *tar.Reader
	entries, size int64
}

func newBounded(ctx context.Context, r io.Reader, l Limits) *bounded {
	if l.Entries == 0 {
		l.Entries = 10_000_000
	}
	if l.Ratio == 0 {
		l.Ratio = 250
	}
	return &bounded{Limits: l, ctx: ctx, tar: tar.NewReader(r)}
}

// next returns the next member, io.EOF after the last.
func (b *bounded) next() (*tar.Header, error) {
	h, err := b.tar.Next()
	if err != nil {
		return nil, unreadable(err)
	}
	if b.entries++; b.entries > b.Entries {
		return nil, fmt.Errorf("%w: more than %d members", ErrLimit, b.Entries)
	}
	if err := checkHeader(h); err != nil {
		return nil, fmt.Errorf("member %.200q: %w", h.Name, err)
	}
	return h, b.ctx.Err()
}

func checkHeader(h *tar.Header) error {
	if len(h.Name) >= unix.PathMax || len(h.Linkname) >= unix.PathMax {
		return fmt.Errorf("%w: a name of more than %d bytes", ErrFormat, unix.PathMax-1)
	}
	attrs := 0
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, paxXattr) {
			attrs++
		}
	}
	if attrs > maxAttrs {
		return fmt.Errorf("%w: it has more than %d extended attributes", ErrLimit, maxAttrs)
	}
	return nil
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}
	n, err := b.tar.Read(p)
	if b.size += int64(n); b.inflated() {
		return 0, fmt.Errorf("%w: the archive unpacks to more than %d times its size", ErrLimit, b.Ratio)
	}
	return n, unreadable(err)
}

func (b *bounded) inflated() bool {
	return b.Compressed != nil && b.size > freeOfRatio && b.size/b.Ratio > b.Compressed()
}

// unreadable tells what is no archive from what cannot be read.
func unreadable(err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return fmt.Errorf("cannot read the archive: %w", err)
}
