package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// maxDepth bounds how deep directories may be nested: each keeps one open.
const maxDepth = 512

// ErrDeep says that directories are nested deeper than that.
var ErrDeep = errors.New("directories are nested deeper than 512")

// Export writes what is in a directory as a tar in PAX form: contents, owners,
// modes, times, links, hard links and extended attributes. Sockets and what is
// mounted below are left out. Names come in order, so that the same content
// gives the same bytes.
func Export(ctx context.Context, dir int, w io.Writer) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	e := &exporter{ctx: ctx, w: tar.NewWriter(w), dev: st.Dev, first: map[uint64]string{}, buf: make([]byte, 256<<10)}
	if err := e.header(dir, "./", &st, ""); err != nil {
		return err
	}
	if err := e.directory(dir, "", 0); err != nil {
		return err
	}
	return e.w.Close()
}

type exporter struct {
	ctx   context.Context
	w     *tar.Writer
	dev   uint64
	first map[uint64]string // inode → name of a file with several
	buf   []byte
}

func (e *exporter) directory(dir int, at string, depth int) error {
	if depth > maxDepth {
		return ErrDeep
	}
	own, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: at, Err: err}
	}
	f := os.NewFile(uintptr(own), at)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if e.ctx.Err() != nil {
			return e.ctx.Err()
		}
		if err := e.entry(dir, name, path.Join(at, name), depth); err != nil {
			return fmt.Errorf("%.200q: %w", name, err)
		}
	}
	return nil
}

// entry writes one name. What vanishes or changes its kind meanwhile is left out.
func (e *exporter) entry(dir int, name, full string, depth int) error {
	fd, err := open(dir, name, unix.O_PATH|unix.O_NOFOLLOW)
	if err == unix.ENOENT || err == unix.EXDEV {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return nil
	case unix.S_IFDIR:
		if err := e.header(fd, full+"/", &st, ""); err != nil {
			return err
		}
		return e.directory(fd, full, depth+1)
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(fd, "", target)
		if err != nil {
			return err
		}
		return e.header(fd, full, &st, string(target[:n]))
	}
	if st.Nlink > 1 {
		if to, known := e.first[st.Ino]; known {
			h := e.newHeader(full, &st)
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, to, 0
			return e.w.WriteHeader(h)
		}
		e.first[st.Ino] = full
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return e.header(fd, full, &st, "")
	}
	return e.file(fd, full, &st)
}

func (e *exporter) file(fd int, full string, st *unix.Stat_t) error {
	in, err := os.Open(procPath(fd))
	if err != nil {
		return err
	}
	defer in.Close()
	if err := e.header(fd, full, st, ""); err != nil {
		return err
	}
	n, err := io.CopyBuffer(e.w, io.LimitReader(in, st.Size), e.buf)
	if err == nil && n < st.Size {
		err = errors.New("the file became shorter while it was read")
	}
	return err
}

var kinds = map[uint32]byte{
	unix.S_IFREG: tar.TypeReg, unix.S_IFDIR: tar.TypeDir, unix.S_IFLNK: tar.TypeSymlink,
	unix.S_IFIFO: tar.TypeFifo, unix.S_IFCHR: tar.TypeChar, unix.S_IFBLK: tar.TypeBlock,
}

func (e *exporter) newHeader(name string, st *unix.Stat_t) *tar.Header {
	return &tar.Header{
		Format: tar.FormatPAX, Name: name, Uid: int(st.Uid), Gid: int(st.Gid), Mode: int64(st.Mode & 0o7777),
		ModTime: time.Unix(st.Mtim.Unix()), Typeflag: kinds[st.Mode&unix.S_IFMT],
		Devmajor: int64(unix.Major(st.Rdev)), Devminor: int64(unix.Minor(st.Rdev)),
	}
}

func (e *exporter) header(fd int, name string, st *unix.Stat_t, target string) error {
	h := e.newHeader(name, st)
	h.Linkname = target
	if h.Typeflag == tar.TypeReg {
		h.Size = st.Size
	}
	if h.Typeflag != tar.TypeSymlink {
		if err := readXattrs(fd, h); err != nil {
			return err
		}
	}
	return e.w.WriteHeader(h)
}

// open opens one name of a directory, or a path beneath it, without links and
// without crossing a mount.
func open(dir int, name string, flags uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	}
	if flags&unix.O_NOFOLLOW == 0 {
		how.Resolve |= unix.RESOLVE_NO_SYMLINKS
	}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}
