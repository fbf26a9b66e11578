package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// again runs make, and once more after what is in the way was removed.
func (u *unpacker) again(at place, make func() error) error {
	err := make()
	if errors.Is(err, unix.EEXIST) {
		if _, err = u.displace(at, -1); err == nil {
			err = make()
		}
	}
	return err
}

func (u *unpacker) symlink(at place, h *tar.Header) error {
	uid, gid, _, err := u.owner(h)
	if err != nil {
		return err
	}
	err = u.again(at, func() error { return unix.Symlinkat(h.Linkname, at.fd, at.base) })
	if err != nil {
		return err
	}
	if err := u.lchown(at, uid, gid); err != nil {
		return err
	}
	if err := u.attributes(at, -1, h, ""); err != nil {
		return err
	}
	if err := lutimens(at, h); err != nil {
		return err
	}
	return u.done(h, 0)
}

func (u *unpacker) lchown(at place, uid, gid int) error {
	if uid == 0 && gid == 0 && !u.setgid {
		return nil
	}
	return os.NewSyscallError("chown", unix.Fchownat(at.fd, at.base, uid, gid, unix.AT_SYMLINK_NOFOLLOW))
}

// special makes a FIFO or, outside of a user namespace, a device. A FIFO is
// never opened: that would wait for its other end.
func (u *unpacker) special(at place, h *tar.Header) error {
	kind, dev := uint32(unix.S_IFIFO), 0
	if h.Typeflag != tar.TypeFifo {
		if u.o.UserNS {
			return u.skip(at)
		}
		if kind = unix.S_IFBLK; h.Typeflag == tar.TypeChar {
			kind = unix.S_IFCHR
		}
		dev = int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)))
	}
	uid, gid, _, err := u.owner(h)
	if err != nil {
		return err
	}
	err = u.again(at, func() error { return unix.Mknodat(at.fd, at.base, kind|bits(h), dev) })
	if err != nil {
		return err
	}
	if err := u.lchown(at, uid, gid); err != nil {
		return err
	}
	if bits(h)&u.umask != 0 || bits(h)&^0o777 != 0 {
		// Made a moment ago, by nobody else: it is no link, which fchmodat follows.
		if err := unix.Fchmodat(at.fd, at.base, bits(h), 0); err != nil {
			return os.NewSyscallError("chmod", err)
		}
	}
	if err := u.attributes(at, -1, h, ""); err != nil {
		return err
	}
	if err := lutimens(at, h); err != nil {
		return err
	}
	return u.done(h, 0)
}

// skip leaves a device out, and removes what would be in its place. Nothing on
// disk remembers the name, so tar-split is not told it: it may come twice.
func (u *unpacker) skip(at place) error {
	_, err := u.displace(at, -1)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// hardlink makes another name for a file, or for a symbolic link, that the
// stream brought before. Owner, mode and times are the same in a proper layer
// and are not set again: chown(2) would take the file's capabilities.
func (u *unpacker) hardlink(at place, h *tar.Header) error {
	target, err := inside(h.Linkname)
	if err != nil {
		return fmt.Errorf("link to %q: %w", h.Linkname, err)
	}
	dir, base := path.Split(target)
	fd, _, err := u.tree.find(strings.TrimSuffix(dir, "/"), false)
	if err != nil {
		return fmt.Errorf("link to %q: %w", h.Linkname, err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("link to %q: %w", h.Linkname, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return formatf("it is a hard link to the directory %q", h.Linkname)
	}
	// Finding the target may have closed the entry's own directory.
	up, real, err := u.tree.dir(path.Dir("/" + at.real)[1:])
	if err != nil {
		return err
	}
	at.fd, at.real = up, path.Join(real, at.base)
	if fd, _, err = u.tree.find(strings.TrimSuffix(dir, "/"), false); err != nil {
		return err
	}
	if err := u.link(at, fd, base, &st); err != nil {
		return fmt.Errorf("link to %q: %w", h.Linkname, err)
	}
	if err := u.relink(at, h, &st); err != nil {
		return err
	}
	return u.done(h, 0)
}

func (u *unpacker) link(at place, fd int, base string, target *unix.Stat_t) error {
	err := unix.Linkat(fd, base, at.fd, at.base, 0)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(at.fd, at.base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Ino == target.Ino && st.Dev == target.Dev {
		u.twice = true // a link to itself, or the same link again
		return nil
	}
	if _, err := u.displace(at, -1); err != nil {
		return err
	}
	return unix.Linkat(fd, base, at.fd, at.base, 0)
}

// relink sets what the link's entry says otherwise than the file's own did.
func (u *unpacker) relink(at place, h *tar.Header, st *unix.Stat_t) error {
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	uid, gid, was, err := u.owner(h)
	if err != nil {
		return err
	}
	if int(st.Uid) != uid || int(st.Gid) != gid {
		if err := unix.Fchownat(at.fd, at.base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	if st.Mode&0o7777 != bits(h) {
		if err := unix.Fchmodat(at.fd, at.base, bits(h), 0); err != nil { // it is no link
			return os.NewSyscallError("chmod", err)
		}
	}
	if err := u.attributes(at, -1, h, was); err != nil {
		return err
	}
	return lutimens(at, h)
}
