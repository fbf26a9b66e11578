package containerfs

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"time"
)

// Archive is a [Sink] that writes a tar stream. Close ends it.
type Archive struct {
	// Changed is called with the name of a file that became shorter or longer while
	// it was read; the archive has as much of it as was announced, zeros added.
	Changed func(name string)
	// Exact keeps fractions of seconds.
	Exact bool

	w *tar.Writer
}

// NewArchive writes to w.
func NewArchive(w io.Writer) *Archive { return &Archive{w: tar.NewWriter(w)} }

// Close writes the archive's end.
func (a *Archive) Close() error { return a.w.Close() }

// Add writes one member.
func (a *Archive) Add(h *tar.Header, content io.Reader) error {
	out := *h
	if !a.Exact {
		// Fractions of seconds would double the headers, and no layer has them.
		out.ModTime = h.ModTime.Truncate(time.Second)
	}
	if out.Typeflag == tar.TypeDir {
		out.Name += "/"
	}
	if err := a.w.WriteHeader(&out); err != nil {
		return fmt.Errorf("cannot write the archive at %q: %w", h.Name, err)
	}
	if content == nil || h.Size == 0 {
		return nil
	}
	n, err := io.Copy(a.w, io.LimitReader(content, h.Size))
	if err != nil {
		return fmt.Errorf("cannot copy %q into the archive: %w", h.Name, err)
	}
	if n < h.Size {
		if a.Changed != nil {
			a.Changed(h.Name)
		}
		_, err = io.CopyN(a.w, zeros{}, h.Size-n)
	}
	return err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// ReadArchive adds the members of a tar stream to a sink. Errors: [ErrFormat],
// [ErrLimit], and the sink's.
func ReadArchive(ctx context.Context, r io.Reader, to Sink, l Limits) error {
	for in := newBounded(ctx, r, l); ; {
		h, err := in.next()
		if err == io.EOF {
			// What follows the end is read, so that whoever writes it is not killed by
			// SIGPIPE, archives being padded, and a checksum at the end is looked at.
			_, err = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
			return unreadable(err)
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := to.Add(h, in); err != nil {
			return err
		}
	}
}
