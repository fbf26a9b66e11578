//go:build containers_image_openpgp

package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// ErrArchive is in every error that is the archive's fault.
var ErrArchive = errors.New("the archive cannot be used")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrArchive, fmt.Errorf(format, args...))
}

// Bounds. Archives of a hundred images stay far below.
const (
	maxEntries = 100_000
	maxName    = 4096     // bytes, as Linux has it for paths
	maxNames   = 16 << 20 // bytes of all names
	maxLinks   = 8        // from one name to its file
	maxJSON    = 4 << 20  // bytes of a file that is read into memory; the image library's bound
)

// tree is where an image's files are: an archive or a directory.
type tree interface {
	// open returns a file and its size, fs.ErrNotExist when there is none.
	open(name string) (io.ReadCloser, int64, error)
}

// index is a tar's table of contents.
type index struct {
	in      io.ReaderAt
	members map[string]member
}

type member struct {
	offset, size int64
	link         string // what it is a link to, a name in the archive
}

// readIndex reads the headers of a tar of the given size.
func readIndex(in io.ReaderAt, size int64) (*index, error) {
	x := &index{in: in, members: make(map[string]member)}
	section := io.NewSectionReader(in, 0, size)
	names := 0
	for r := tar.NewReader(section); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return x, nil
		}
		if err != nil {
			return nil, bad("entry %d: %w", len(x.members)+1, err)
		}
		if names += len(h.Name) + len(h.Linkname); len(x.members) >= maxEntries || names > maxNames {
			return nil, bad("it has more than %d entries, or %d bytes of names", maxEntries, maxNames)
		}
		// The tar package reads no further than a header's end.
		offset, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if err := x.add(h, offset, size); err != nil {
			return nil, err
		}
	}
}

func (x *index) add(h *tar.Header, offset, size int64) error {
	name, err := clean(h.Name)
	if err != nil {
		return err
	}
	m := member{offset: offset, size: h.Size}
	switch h.Typeflag {
	case tar.TypeDir:
		return nil
	case tar.TypeReg:
	case tar.TypeSymlink:
		m = member{link: path.Join(path.Dir(name), h.Linkname)}
		if path.IsAbs(h.Linkname) {
			m.link = h.Linkname
		}
	case tar.TypeLink:
		m = member{link: h.Linkname}
	default:
		return bad("%q is neither file, directory nor link", h.Name)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return bad("%q is a sparse file", h.Name)
		}
	}
	if m.link != "" {
		if m.link, err = clean(m.link); err != nil {
			return fmt.Errorf("%w, where the link %q points to", err, h.Name)
		}
	} else if m.size > size-offset {
		return bad("it ends in the middle of %q", h.Name)
	}
	if old, ok := x.members[name]; ok {
		return x.same(name, old, m)
	}
	x.members[name] = m
	return nil
}

// clean is a name without dots; one that leads out of the archive is refused,
// although nothing would follow it.
func clean(name string) (string, error) {
	if len(name) > maxName {
		return "", bad("a name is longer than %d bytes: %.40q…", maxName, name)
	}
	if c := path.Clean(name); filepath.IsLocal(c) && !strings.ContainsRune(c, 0) {
		return c, nil
	}
	return "", bad("the name %q leads out of it", name)
}

// same allows a member to come twice with the same content.
func (x *index) same(name string, a, b member) error {
	differ := a.link != b.link || a.size != b.size
	if !differ && a.link == "" {
		one, two := io.NewSectionReader(x.in, a.offset, a.size), io.NewSectionReader(x.in, b.offset, b.size)
		var err error
		if differ, err = streamsDiffer(one, two); err != nil {
			return err
		}
	}
	if differ {
		return bad("%q is in it twice, and not the same", name)
	}
	return nil
}

func streamsDiffer(one, two io.Reader) (bool, error) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(one, a)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return false, err
		}
		if _, err := io.ReadFull(two, b[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return true, nil
		}
		if err != nil {
			return false, nil
		}
	}
}

func (x *index) open(name string) (io.ReadCloser, int64, error) {
	at, err := clean(name)
	if err != nil {
		return nil, 0, err
	}
	for range maxLinks {
		m, ok := x.members[at]
		switch {
		case !ok:
			return nil, 0, bad("it has no %q: %w", name, fs.ErrNotExist)
		case m.link == "":
			return io.NopCloser(io.NewSectionReader(x.in, m.offset, m.size)), m.size, nil
		}
		at = m.link
	}
	return nil, 0, bad("%q is a link to a link to a link", name)
}

// readSmall reads a file that is to be held in memory.
func readSmall(t tree, name string) ([]byte, error) {
	r, size, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > maxJSON {
		return nil, bad("%q has %d bytes, at most %d are read", name, size, maxJSON)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxJSON))
	if err != nil {
		return nil, bad("%q: %w", name, err)
	}
	return data, nil
}
