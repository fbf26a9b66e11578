package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrEscape says that a member of an archive leads out of the volume, or
	// through a link.
	ErrEscape = errors.New("it leads out of the volume or through a link")
	// ErrLimit says that an archive asks for too much.
	ErrLimit = errors.New("over the limit")
	// ErrFormat says that it is no archive, or one that makes no sense.
	ErrFormat = errors.New("not a proper tar archive")
)

// Limits bound an archive; zero fields have defaults.
type Limits struct {
	Entries int64 // members, 10 million
	// Ratio bounds the bytes unpacked for each that Compressed tells, beyond the
	// first 512 MiB: 250.
	Ratio      int64
	Compressed func() int64
}

const freeOfRatio = 512 << 20

// Import unpacks a tar into a directory, over what is there: files of the same
// name are replaced, directories stay. Devices are left out, since a user
// namespace can make none. After an error a part of the members is there.
func Import(ctx context.Context, r io.Reader, dir int, l Limits) error {
	if l.Entries == 0 {
		l.Entries = 10_000_000
	}
	if l.Ratio == 0 {
		l.Ratio = 250
	}
	i := &importer{ctx: ctx, root: dir, limits: l, tar: tar.NewReader(r), buf: make([]byte, 256<<10)}
	for n := int64(0); ; n++ {
		h, err := i.tar.Next()
		if errors.Is(err, io.EOF) {
			return i.finish()
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if n >= l.Entries {
			return fmt.Errorf("%w: more than %d members", ErrLimit, l.Entries)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := i.member(h); err != nil {
			return fmt.Errorf("member %.200q: %w", h.Name, err)
		}
	}
}

type importer struct {
	ctx    context.Context
	root   int
	limits Limits
	tar    *tar.Reader
	buf    []byte
	size   int64
	later  []*tar.Header // directories, whose times are set last
}

// clean gives the name within the volume, "." for the volume itself.
func clean(name string) (string, error) {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", ErrEscape
		}
	}
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name == "" {
		return ".", nil
	}
	if strings.IndexByte(name, 0) >= 0 || len(name) >= unix.PathMax {
		return "", ErrFormat
	}
	return name, nil
}

func (i *importer) member(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := clean(h.Name)
	if err != nil {
		return err
	}
	if name == "." {
		if h.Typeflag != tar.TypeDir {
			return ErrFormat
		}
		i.later = append(i.later, h)
		return i.dress(i.root, h)
	}
	parent, err := i.parent(path.Dir(name))
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	base := path.Base(name)
	switch h.Typeflag {
	case tar.TypeDir:
		return i.directory(parent, base, h)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return i.regular(parent, base, h)
	case tar.TypeSymlink:
		return i.special(parent, base, h, func() error { return unix.Symlinkat(h.Linkname, parent, base) })
	case tar.TypeFifo:
		return i.special(parent, base, h, func() error { return unix.Mknodat(parent, base, unix.S_IFIFO|0o600, 0) })
	case tar.TypeLink:
		return i.link(parent, base, h)
	case tar.TypeChar, tar.TypeBlock:
		return nil
	}
	return fmt.Errorf("%w: it is of the unknown type %q", ErrFormat, h.Typeflag)
}

// parent opens the directory of a member, and makes it when the archive does
// not say what it is.
func (i *importer) parent(name string) (int, error) {
	fd, err := open(i.root, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == unix.ENOENT && name != "." {
		up, err := i.parent(path.Dir(name))
		if err != nil {
			return -1, err
		}
		defer unix.Close(up)
		if err := unix.Mkdirat(up, path.Base(name), 0o755); err != nil && err != unix.EEXIST {
			return -1, err
		}
		fd, err = open(up, path.Base(name), unix.O_RDONLY|unix.O_DIRECTORY)
		return fd, escape(err)
	}
	return fd, escape(err)
}

// escape names what the kernel says of a path that leaves or leads through a
// link.
func escape(err error) error {
	if err == unix.ELOOP || err == unix.EXDEV || err == unix.ENOTDIR {
		return fmt.Errorf("%w: %w", ErrEscape, err)
	}
	return err
}

func (i *importer) directory(parent int, base string, h *tar.Header) error {
	err := unix.Mkdirat(parent, base, 0o700)
	if err != nil && err != unix.EEXIST {
		return err
	}
	fd, err := open(parent, base, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == unix.ELOOP || err == unix.ENOTDIR { // something else was there
		if err = unix.Unlinkat(parent, base, 0); err == nil {
			if err = unix.Mkdirat(parent, base, 0o700); err == nil {
				fd, err = open(parent, base, unix.O_RDONLY|unix.O_DIRECTORY)
			}
		}
	}
	if err != nil {
		return escape(err)
	}
	defer unix.Close(fd)
	i.later = append(i.later, h)
	return i.dress(fd, h)
}

func (i *importer) regular(parent int, base string, h *tar.Header) error {
	if err := i.free(parent, base); err != nil {
		return err
	}
	fd, err := unix.Openat(parent, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	for {
		n, err := i.tar.Read(i.buf)
		if n > 0 {
			if i.size += int64(n); i.inflated() {
				return fmt.Errorf("%w: the archive unpacks to more than %d times its size", ErrLimit, i.limits.Ratio)
			}
			if _, err := f.Write(i.buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	if err := i.dress(fd, h); err != nil {
		return err
	}
	return setTimesAt(parent, base, h)
}

func (i *importer) inflated() bool {
	return i.limits.Compressed != nil && i.size > freeOfRatio && i.size/i.limits.Ratio > i.limits.Compressed()
}

// free removes what has a member's name; a directory only when it is empty.
func (i *importer) free(parent int, base string) error {
	err := unix.Unlinkat(parent, base, 0)
	if err == unix.EISDIR {
		err = unix.Unlinkat(parent, base, unix.AT_REMOVEDIR)
	}
	if err == unix.ENOENT {
		return nil
	}
	return err
}

func (i *importer) special(parent int, base string, h *tar.Header, make func() error) error {
	if err := i.free(parent, base); err != nil {
		return err
	}
	if err := make(); err != nil {
		return err
	}
	fd, err := open(parent, base, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return escape(err)
	}
	defer unix.Close(fd)
	if err := unix.Fchownat(fd, "", h.Uid, h.Gid, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return ownerError(h, err)
	}
	if h.Typeflag == tar.TypeFifo {
		if err := unix.Chmod(procPath(fd), uint32(h.Mode&0o7777)); err != nil {
			return err
		}
	}
	return setTimesAt(parent, base, h)
}

// link makes another name of a member that came before, found beneath the volume.
func (i *importer) link(parent int, base string, h *tar.Header) error {
	target, err := clean(h.Linkname)
	if err != nil || target == "." {
		return ErrEscape
	}
	from, err := open(i.root, path.Dir(target), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return escape(err)
	}
	defer unix.Close(from)
	if target == strings.TrimPrefix(path.Clean("/"+h.Name), "/") {
		return nil
	}
	if err := i.free(parent, base); err != nil {
		return err
	}
	return unix.Linkat(from, path.Base(target), parent, base, 0)
}

// dress gives an open file its owner, attributes and mode, in this order: a change
// of owner takes set-uid bits and capabilities away, chown(2).
func (i *importer) dress(fd int, h *tar.Header) error {
	if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
		return ownerError(h, err)
	}
	if err := writeXattrs(fd, h); err != nil {
		return err
	}
	return unix.Fchmod(fd, uint32(h.Mode&0o7777))
}

func ownerError(h *tar.Header, err error) error {
	if err == unix.EINVAL {
		return fmt.Errorf("it belongs to %d:%d, and you have no such ids\n  fix: coracle doctor", h.Uid, h.Gid)
	}
	return &os.PathError{Op: "chown", Path: h.Name, Err: err}
}

// finish sets the times of directories, which making files in them changed.
func (i *importer) finish() error {
	for n := len(i.later) - 1; n >= 0; n-- {
		name, err := clean(i.later[n].Name)
		if err != nil {
			return err
		}
		fd, err := open(i.root, name, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			continue // replaced by a later member
		}
		err = setTimes(fd, i.later[n])
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}

func setTimes(fd int, h *tar.Header) error { return setTimesAt(fd, ".", h) }

// setTimesAt sets the times of one name, of a link its own.
func setTimesAt(dir int, name string, h *tar.Header) error {
	m, err := unix.TimeToTimespec(h.ModTime)
	if err != nil {
		return nil // a time that the kernel cannot hold
	}
	return unix.UtimesNanoAt(dir, name, []unix.Timespec{m, m}, unix.AT_SYMLINK_NOFOLLOW)
}
