package unpack

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// regular makes a file. The common one costs five system calls: open, write,
// chown (not for root's), times, close.
func (u *unpacker) regular(at place, h *tar.Header) error {
	uid, gid, was, err := u.owner(h)
	if err != nil {
		return err
	}
	create := func() (int, error) {
		return unix.Openat(at.fd, at.base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, bits(h))
	}
	fd, err := create()
	var old *uint64
	if errors.Is(err, unix.EEXIST) {
		if old, err = u.displace(at, h.Size); err == nil {
			fd, err = create()
		}
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := u.content(fd, h); err != nil {
		return err
	}
	if old != nil && *old != u.split.sum {
		return formatf("it comes twice, with different content")
	}
	if err := u.settle(fd, h, uid, gid); err != nil {
		return err
	}
	if err := u.attributes(at, fd, h, was); err != nil {
		return err
	}
	return futimens(fd, h)
}

// content copies a file's content, and writes it down.
func (u *unpacker) content(fd int, h *tar.Header) error {
	sparse := isSparse(h)
	kept := sparse || u.twice
	switch {
	case h.Size == 0:
	case kept:
		u.split.keepContent()
	default:
		if err := u.split.begin(); err != nil {
			return err
		}
	}
	if err := u.copy(fd, h.Size); err != nil {
		return err
	}
	if kept {
		u.split.mode = header
		return nil
	}
	return u.done(h, h.Size)
}

// isSparse reports whether the archive leaves the file's holes out, so that its
// content there is not its content here.
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// hole is the length of zeros, in bytes, from which on a hole is left for them:
// a gigabyte of zeros then costs no disk.
const hole = 64 << 10

// copy writes the entry's content of the given size.
func (u *unpacker) copy(fd int, size int64) error {
	left, skipped := size, int64(0)
	for left > 0 {
		n, err := io.ReadFull(u.tar, u.buf[:min(left, int64(len(u.buf)))])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		left -= int64(n)
		if err := u.grow(int64(n)); err != nil {
			return err
		}
		if n >= hole && zeros(u.buf[:n]) {
			skipped += int64(n)
			continue
		}
		if skipped > 0 {
			if _, err := unix.Seek(fd, skipped, io.SeekCurrent); err != nil {
				return err
			}
			skipped = 0
		}
		if err := write(fd, u.buf[:n]); err != nil {
			return err
		}
	}
	if skipped > 0 {
		return unix.Ftruncate(fd, size)
	}
	return nil
}

// grow counts unpacked bytes: of content with its holes, or of the stream with
// its headers, whichever is more.
func (u *unpacker) grow(n int64) error {
	u.size += n
	lim, size := &u.o.Limits, max(u.size, u.split.total)
	if size <= lim.Free {
		return nil
	}
	if err := u.ctx.Err(); err != nil {
		return err
	}
	in := u.split.total
	if u.o.Compressed != nil {
		in = u.o.Compressed()
	}
	if size/lim.Ratio > in {
		return limitf("the layer unpacks to more than %d times its size (%d bytes from %d)", lim.Ratio, size, in)
	}
	return nil
}

var nothing [hole]byte

func zeros(p []byte) bool {
	for len(p) > 0 {
		n := min(len(p), hole)
		if !bytes.Equal(p[:n], nothing[:n]) {
			return false
		}
		p = p[n:]
	}
	return true
}

func write(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return &os.PathError{Op: "write", Path: "the file", Err: err}
		}
		p = p[max(n, 0):]
	}
	return nil
}

// settle gives an open file its owner and mode. chown(2) takes set-id bits off,
// so the mode comes second.
func (u *unpacker) settle(fd int, h *tar.Header, uid, gid int) error {
	mode := bits(h)
	chown := uid != 0 || gid != 0 || u.setgid
	if chown {
		if err := unix.Fchown(fd, uid, gid); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	if mode&u.umask != 0 || mode&^0o777 != 0 {
		return os.NewSyscallError("chmod", unix.Fchmod(fd, mode))
	}
	return nil
}

// displace removes what is in an entry's place. What tar-split counts on being
// there, a file's content, may go only when the same comes again: then its
// checksum is returned.
func (u *unpacker) displace(at place, size int64) (*uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(at.fd, at.base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, err
	}
	u.twice, u.stale = true, true
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return nil, u.removeAll(at)
	case unix.S_IFREG:
		if u.split.out == nil || st.Size == 0 {
			break
		}
		if st.Size != size {
			return nil, formatf("it comes twice, with different content")
		}
		sum, err := checksum(at)
		if err != nil {
			return nil, err
		}
		return &sum, unix.Unlinkat(at.fd, at.base, 0)
	}
	return nil, unix.Unlinkat(at.fd, at.base, 0)
}

func checksum(at place) (uint64, error) {
	fd, err := unix.Openat(at.fd, at.base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	f := os.NewFile(uintptr(fd), at.base)
	defer f.Close()
	sum := crc64.New(crc64.MakeTable(crc64.ISO))
	_, err = io.Copy(sum, f)
	return sum.Sum64(), err
}

// removeAll removes a directory that something else takes the place of.
func (u *unpacker) removeAll(at place) error {
	fd, err := unix.Openat(at.fd, at.base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), at.base)
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		var st unix.Stat_t
		if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		in := place{fd: fd, base: name}
		switch {
		case st.Mode&unix.S_IFMT == unix.S_IFDIR:
			err = u.removeAll(in)
		case st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size > 0 && u.split.out != nil:
			err = formatf("it replaces the file %q, which the layer itself brought", name)
		default:
			err = unix.Unlinkat(fd, name, 0)
		}
		if err != nil {
			return err
		}
	}
	if err := unix.Unlinkat(at.fd, at.base, unix.AT_REMOVEDIR); err != nil {
		return fmt.Errorf("cannot replace the directory: %w", err)
	}
	return nil
}
