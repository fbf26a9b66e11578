package storage

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// file copies a regular file: a clone that shares the data where that works,
// else its data without the holes.
func (c *copier) file(src, dst int, name string) error {
	in, err := openat(src, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	var st unix.Stat_t
	if err := unix.Fstat(in, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return ErrNotRegular
	}
	out, err := ignoringEINTR(func() (int, error) {
		return unix.Openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return err
	}
	defer unix.Close(out)
	if err := c.data(in, out, &st); err != nil {
		return err
	}
	if err := c.attributes(in, out, &st); err != nil {
		return err
	}
	c.count(st.Size)
	return setTimes(dst, name, &st)
}

func (c *copier) data(in, out int, st *unix.Stat_t) error {
	if st.Size == 0 {
		return nil
	}
	if !c.noClone.Load() {
		err := unix.IoctlFileClone(out, in) // ioctl_ficlone(2)
		switch err {
		case nil:
			return nil
		case unix.EOPNOTSUPP, unix.EXDEV, unix.EINVAL, unix.ENOTTY, unix.ENOSYS, unix.EPERM:
			c.noClone.Store(true)
		default:
			return err
		}
	}
	if st.Blocks*512 >= st.Size { // no holes
		return copyRange(in, out, 0, st.Size)
	}
	for at := int64(0); at < st.Size; {
		start, err := unix.Seek(in, at, unix.SEEK_DATA)
		if err == unix.ENXIO { // a hole to the end
			break
		}
		if err != nil {
			return err
		}
		if at, err = unix.Seek(in, start, unix.SEEK_HOLE); err != nil {
			return err
		}
		if err := copyRange(in, out, start, at-start); err != nil {
			return err
		}
	}
	return unix.Ftruncate(out, st.Size)
}

// copyRange copies size bytes at an offset, in the kernel where it can.
func copyRange(in, out int, at, size int64) error {
	from, to := at, at
	for size > 0 {
		n, err := unix.CopyFileRange(in, &from, out, &to, int(min(size, 1<<30)), 0)
		switch {
		case err == unix.EINTR:
		case err == unix.EXDEV, err == unix.EINVAL, err == unix.ENOSYS, err == unix.EOPNOTSUPP, err == unix.EPERM, err == nil && n == 0:
			// Not between these file systems; or none there: some file
			// systems then say 0, as at the end of a file.
			return copyBytes(in, out, from, size)
		case err != nil:
			return err
		default:
			size -= int64(n)
		}
	}
	return nil
}

func copyBytes(in, out int, at, size int64) error {
	buf := make([]byte, min(size, 256<<10))
	for size > 0 {
		n, err := ignoringEINTR(func() (int, error) { return unix.Pread(in, buf[:min(size, int64(len(buf)))], at) })
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("the file became shorter")
		}
		for part := buf[:n]; len(part) > 0; {
			w, err := ignoringEINTR(func() (int, error) { return unix.Pwrite(out, part, at) })
			if err != nil {
				return err
			}
			part, at, size = part[w:], at+int64(w), size-int64(w)
		}
	}
	return nil
}

// owner maps a file's owner.
func (c *copier) owner(st *unix.Stat_t) (uid, gid int, err error) {
	u, ok := c.shifter.UID(st.Uid)
	if !ok {
		return 0, 0, fmt.Errorf("%w: it belongs to uid %d", ErrNotMapped, st.Uid)
	}
	g, ok := c.shifter.GID(st.Gid)
	if !ok {
		return 0, 0, fmt.Errorf("%w: it belongs to gid %d", ErrNotMapped, st.Gid)
	}
	return int(u), int(g), nil
}

// attributes copies owner, mode and extended attributes, in this order: a
// change of owner takes away set-uid bits and file capabilities (chown(2)).
func (c *copier) attributes(in, out int, st *unix.Stat_t) error {
	if err := c.own(out, st); err != nil {
		return err
	}
	return c.xattrs(attributesOf{fd: in}, out)
}

func (c *copier) own(out int, st *unix.Stat_t) error {
	uid, gid, err := c.owner(st)
	if err != nil {
		return err
	}
	if err := unix.Fchown(out, uid, gid); err != nil {
		return err
	}
	return unix.Fchmod(out, st.Mode&0o7777)
}
