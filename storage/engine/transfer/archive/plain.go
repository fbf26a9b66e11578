//go:build containers_image_openpgp

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"coracle/storage/engine/decode"

	"golang.org/x/sys/unix"
)

// ErrTooLarge is in the error for a stream that would fill the disk, or that
// grows like no image does.
var ErrTooLarge = errors.New("it is too large")

// A Spool is where a stream is put that cannot be read at any place: a file
// without a name.
type Spool struct {
	// Dir is on the file system that takes it.
	Dir string
	// Most bytes it may take; 0 for nine tenths of what is free there.
	Most int64
}

// Plain returns a file that can be read at any place and is not compressed: f
// itself when it is that, else a spool. It owns f from then on.
func Plain(ctx context.Context, f *os.File, s Spool) (*os.File, error) {
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	size := int64(-1)
	if info.Mode().IsRegular() {
		// A file that somebody has read a part of, as the shell's < lets them.
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			f.Close()
			return nil, err
		}
		size = info.Size() - at
		isCompressed, err := sniff(f, at)
		if err != nil {
			f.Close()
			return nil, err
		}
		if !isCompressed && at == 0 {
			return f, nil
		}
	}
	defer f.Close()
	in, err := Decompressed(ctx, f, size)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return s.Put(in)
}

func sniff(f *os.File, at int64) (bool, error) {
	start := make([]byte, 6)
	n, err := f.ReadAt(start, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return decode.Kind(start[:n]) != "", nil
}

// Decompressed reads a stream without its compression (gzip, zstd, xz, bzip2),
// or as it is. size is the compressed one's, -1 if unknown.
func Decompressed(ctx context.Context, in io.Reader, size int64) (io.ReadCloser, error) {
	count := &counter{ctx: ctx, in: in}
	plain, kind, err := decode.Open(count)
	if err != nil {
		return nil, bad("%w", err)
	}
	if kind == "" {
		return plain, nil
	}
	return &growing{ReadCloser: plain, from: count}, nil
}

// counter counts what was read of a stream, and stops with its context.
type counter struct {
	ctx context.Context
	in  io.Reader
	n   atomic.Int64 // decompressors read ahead on their own
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.in.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// growing refuses a stream that grows more than any image.
type growing struct {
	io.ReadCloser
	from *counter
	have int64
}

func (g *growing) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	from := g.from.n.Load()
	if g.have += int64(n); g.have > growthAllowed+maxGrowth*from {
		return 0, fmt.Errorf("%w: %d bytes became %d when decompressed", ErrTooLarge, from, g.have)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = bad("%w", err)
	}
	return n, err
}

// Put writes a stream to a file without a name.
func (s Spool) Put(in io.Reader) (*os.File, error) {
	most := s.Most
	if most == 0 {
		var fs unix.Statfs_t
		if err := unix.Statfs(s.Dir, &fs); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Dir, err)
		}
		most = int64(fs.Bavail) / 10 * 9 * fs.Bsize
	}
	f, err := os.CreateTemp(s.Dir, "spool-")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	n, err := io.Copy(f, io.LimitReader(in, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("%w: more than %d bytes, nine tenths of what is free in %s", ErrTooLarge, most, s.Dir)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
