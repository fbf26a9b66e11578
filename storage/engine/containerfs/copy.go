package containerfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrNotFound says that there is nothing to be copied, or no directory to copy
	// it into.
	ErrNotFound = errors.New("no such file or directory")
	// ErrNotDir says that a path ends with a slash and is no directory.
	ErrNotDir = errors.New("not a directory")
)

// Copy is one `cp`: docker's rules (docs.docker.com/reference/cli/docker/container/cp).
type Copy struct {
	From, To     Root
	Source, Dest string
	Archive      bool // -a: keep the owner
	FollowLink   bool // -L: a source that is a link stands for what it leads to
	Overwrite    bool // let directories and other files take each other's place
	UID, GID     int  // the user's ids on the host, which -a knows by number

	// Files and Bytes count what was copied.
	Files, Bytes int64

	archiveIn bool
	me        [2]int // the user's ids here: 0, but in tests
}

// source is what is copied and under which name.
type source struct {
	found
	name     string
	contents bool
}

// open finds the source.
func (c *Copy) open() (source, error) {
	slash, contents := trailing(c.Source)
	p, err := c.From.find(c.Source, c.FollowLink || slash)
	s := source{found: p, name: c.sourceName(), contents: contents}
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return s, fmt.Errorf("cannot copy %q: %w", c.Source, ErrNotDir)
	case err != nil:
		return s, fmt.Errorf("cannot read %q: %w", c.Source, err)
	case !p.exists():
		return s, fmt.Errorf("cannot copy %q: %w", c.Source, ErrNotFound)
	case slash && !p.isDir():
		p.close()
		return s, fmt.Errorf("cannot copy %q: %w", c.Source, ErrNotDir)
	}
	if s.name == "/" { // a root has no name
		s.contents = true
	}
	return s, nil
}

func (c *Copy) sourceName() string {
	if !c.From.IsHost() {
		return path.Base(path.Clean("/" + c.Source))
	}
	if full, err := filepath.Abs(c.Source); err == nil {
		return filepath.Base(full)
	}
	return base(c.Source)
}

// WriteTo writes the source as a tar stream: `cp CONTAINER:PATH -`.
func (c *Copy) WriteTo(ctx context.Context, w io.Writer) error {
	src, err := c.open()
	if err != nil {
		return err
	}
	defer src.close()
	a := NewArchive(w)
	name := src.name
	if src.contents {
		name = "."
	}
	t := Tree{Sink: a, Owners: c.From.Owners}
	if err := t.Walk(ctx, src.fd, name); err != nil {
		return err
	}
	return a.Close()
}

// ReadFrom unpacks a tar stream into the destination, a directory that is there:
// `cp - CONTAINER:PATH`. Owners are those of the archive.
func (c *Copy) ReadFrom(ctx context.Context, r io.Reader) error {
	dest, err := c.To.find(c.Dest, true)
	switch {
	case err != nil:
		return fmt.Errorf("cannot open %q: %w", c.Dest, err)
	case !dest.exists():
		return fmt.Errorf("cannot unpack into %q: %w\n  fix: make it first, or name a directory", c.Dest, ErrNotFound)
	case !dest.isDir():
		dest.close()
		return fmt.Errorf("cannot unpack into %q: %w", c.Dest, ErrNotDir)
	}
	w := c.writer(dest.fd, c.Dest)
	c.archiveIn = true
	return errors.Join(ReadArchive(ctx, r, &counting{c, w}, Limits{}), w.Close())
}

// Run copies.
func (c *Copy) Run(ctx context.Context) error {
	src, err := c.open()
	if err != nil {
		return err
	}
	defer src.close()
	dir, at, name, err := c.target(src)
	if err != nil {
		return err
	}
	if dir >= 0 && c.From.FD == c.To.FD && src.isDir() && within(dir, &src.stat) {
		unix.Close(dir)
		return fmt.Errorf("cannot copy %q into itself, %q", c.Source, c.Dest)
	}
	if dir >= 0 {
		w := c.writer(dir, at)
		t := Tree{Sink: &counting{c, w}, Owners: c.From.Owners}
		return errors.Join(t.Walk(ctx, src.fd, name), w.Close())
	}
	return c.through(src)
}

// target applies the rules: the directory to write in, its path, and the name that
// the source gets there, empty for what is in it. A directory of -1 says that the
// destination is a link to a file, to be written through.
func (c *Copy) target(src source) (dir int, at, name string, err error) {
	slash, _ := trailing(c.Dest)
	dest, err := c.To.find(c.Dest, true)
	if errors.Is(err, unix.ENOTDIR) {
		return -1, "", "", fmt.Errorf("cannot copy to %q: %w", c.Dest, ErrNotDir)
	}
	if err != nil {
		return -1, "", "", fmt.Errorf("cannot copy to %q: %w", c.Dest, err)
	}
	switch {
	case dest.isDir() && src.isDir() && src.contents:
		return dest.fd, c.Dest, "", nil
	case dest.isDir():
		return dest.fd, c.Dest, src.name, nil
	case dest.exists():
		defer dest.close()
		if src.isDir() && !c.Overwrite {
			return -1, "", "", fmt.Errorf("cannot copy directory %q to file %q: %w\n  fix: --overwrite puts the directory in its place", c.Source, c.Dest, ErrDirOverFile)
		}
		if link, err := c.To.find(c.Dest, false); err == nil && link.exists() {
			defer link.close()
			if is(&link.stat, unix.S_IFLNK) {
				if !src.isDir() && is(&src.stat, unix.S_IFREG) {
					return -1, c.Dest, "", nil
				}
				return -1, "", "", fmt.Errorf("cannot copy to %q: it is a link\n  fix: name what it leads to", c.Dest)
			}
		}
	case slash && !src.isDir():
		return -1, "", "", fmt.Errorf("the destination directory must exist: %q: %w", c.Dest, ErrNotFound)
	}
	return c.beside(src)
}

// beside opens the directory that the destination is to be made in.
func (c *Copy) beside(src source) (dir int, at, name string, err error) {
	clean := strings.TrimRight(c.Dest, "/")
	if link, err := c.To.find(clean, false); err == nil && link.exists() {
		defer link.close()
		if is(&link.stat, unix.S_IFLNK) {
			return -1, "", "", fmt.Errorf("cannot copy to %q: it is a link that leads nowhere\n  fix: name another destination", c.Dest)
		}
	}
	up := parent(c.Dest)
	p, err := c.To.find(up, true)
	switch {
	case err != nil && !errors.Is(err, unix.ENOTDIR):
		return -1, "", "", fmt.Errorf("cannot open %q: %w", up, err)
	case err != nil || p.exists() && !p.isDir():
		p.close()
		return -1, "", "", fmt.Errorf("cannot copy to %q: %q: %w", c.Dest, up, ErrNotDir)
	case !p.exists():
		return -1, "", "", fmt.Errorf("cannot copy to %q: the directory %q does not exist: %w", c.Dest, up, ErrNotFound)
	}
	return p.fd, up, base(c.Dest), nil
}

// through writes a file over the one that the destination, a link, leads to.
func (c *Copy) through(src source) error {
	fd, err := c.To.Open(c.Dest, unix.O_PATH)
	if err != nil {
		return fmt.Errorf("cannot open %q: %w", c.Dest, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || !is(&st, unix.S_IFREG) {
		return fmt.Errorf("cannot write to %q: not a regular file", c.Dest)
	}
	in, err := openFile(src.fd, c.Source)
	if err != nil {
		return fmt.Errorf("cannot open %q: %w", c.Source, err)
	}
	defer in.Close()
	out, err := reopen(fd, unix.O_WRONLY|unix.O_TRUNC)
	if err != nil {
		return fmt.Errorf("cannot open %q: %w", c.Dest, err)
	}
	n, err := writeAll(out, c.Dest, in)
	c.Files, c.Bytes = 1, n
	return err
}

func (c *Copy) writer(dir int, at string) *Writer {
	w := newWriter(c.To, dir, at)
	w.Owner, w.Whole = c.owner, c.Archive
	if c.Overwrite {
		w.Replace = ReplaceAll
	}
	w.DropSetID = c.To.IsHost() && !c.Archive
	return w
}

// counting counts what is copied.
type counting struct {
	*Copy
	w *Writer
}

func (s *counting) Add(h *tar.Header, content io.Reader) error {
	s.Files++
	s.Bytes += h.Size
	return s.w.Add(h, content)
}
