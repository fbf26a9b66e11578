package containerfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

func times(h *tar.Header) [2]unix.Timespec {
	t, err := unix.TimeToTimespec(h.ModTime)
	if err != nil || h.ModTime.IsZero() {
		t = unix.Timespec{Nsec: unix.UTIME_NOW}
	}
	return [2]unix.Timespec{t, t}
}

// directory makes a directory, or keeps the one that is there.
func (w *Writer) directory(at entryAt) error {
	err := unix.Mkdirat(at.dir, at.base, 0o700)
	if errors.Is(err, unix.EEXIST) {
		fd, err := w.step(at.dir, at.base, at.name)
		switch {
		case err == nil:
			defer unix.Close(fd)
			return w.existingDir(fd, at.name, at.header)
		case !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP):
			return err
		case w.Replace == ReplaceFiles:
			return ErrDirOverFile
		}
		if err := unix.Unlinkat(at.dir, at.base, 0); err != nil {
			return err
		}
		return w.directory(at)
	}
	if err != nil {
		return err
	}
	fd, err := again(func() (int, error) { return unix.Openat(at.dir, at.base, plainDir, 0) })
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return w.dressDir(fd, at.name, at.header)
}

// existingDir merges a member into a directory that was there.
func (w *Writer) existingDir(fd int, name string, h *tar.Header) error {
	if !w.Whole {
		return nil
	}
	return w.dressDir(fd, name, h)
}

// dressDir gives a directory all but its times and its mode, which might forbid
// making files in it.
func (w *Writer) dressDir(fd int, name string, h *tar.Header) error {
	uid, gid, err := w.Owner(h)
	if err != nil {
		return err
	}
	mode := uint32(h.Mode) & 0o7777
	if err := own(fd, uid, gid, mode|0o700); err != nil {
		return err
	}
	w.times = append(w.times, laterTimes{name, mode, times(h)})
	return setXattrs(fd, h.PAXRecords, w.Raw)
}

// file makes a regular file in the place of what is there, as docker does: whoever
// has the old one open keeps it. Only what cannot be taken away, a file that
// something is mounted on, is written over.
func (w *Writer) file(at entryAt, content io.Reader) error {
	fd, err := w.create(at)
	if errors.Is(err, unix.EBUSY) {
		fd, err = overwritten(at)
	}
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), at.name)
	defer f.Close()
	if content != nil && at.header.Size > 0 {
		if _, err := io.Copy(f, io.LimitReader(content, at.header.Size)); err != nil {
			return fmt.Errorf("cannot write it: %w", err)
		}
	}
	if err := w.dress(fd, at.header); err != nil {
		return err
	}
	return f.Close()
}

func (w *Writer) create(at entryAt) (int, error) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	// Twice is enough unless somebody else keeps making the name.
	for range maxRaces {
		fd, err := again(func() (int, error) { return unix.Openat(at.dir, at.base, flags, 0o600) })
		if !errors.Is(err, unix.EEXIST) {
			return fd, err
		}
		if err := w.clear(at); err != nil {
			return -1, err
		}
	}
	return -1, unix.EEXIST
}

// clear takes away what has the name. A mount point is EBUSY: unlink(2) says so
// only of those of our own mount namespace, and takes the mounts of others away
// (Linux 3.18).
func (w *Writer) clear(at entryAt) error {
	if mounted(at.dir, at.base) {
		return unix.EBUSY
	}
	err := unix.Unlinkat(at.dir, at.base, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.EISDIR):
		return err
	case w.Replace == ReplaceFiles:
		return ErrFileOverDir
	case w.Replace == ReplaceEmpty:
		return unix.Unlinkat(at.dir, at.base, unix.AT_REMOVEDIR)
	}
	return removeAll(at.dir, at.base)
}

// overwritten opens a file that is a mount point.
func overwritten(at entryAt) (int, error) {
	fd, st, err := look(at.dir, at.base)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	if !is(&st, unix.S_IFREG) {
		return -1, unix.EBUSY
	}
	return reopen(fd, unix.O_WRONLY|unix.O_TRUNC)
}

// dress gives a file owner, mode, attributes and times, in this order.
func (w *Writer) dress(fd int, h *tar.Header) error {
	uid, gid, err := w.Owner(h)
	if err != nil {
		return err
	}
	mode := uint32(h.Mode) & 0o7777
	if w.DropSetID {
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	if err := own(fd, uid, gid, mode); err != nil {
		return err
	}
	if err := setXattrs(fd, h.PAXRecords, w.Raw); err != nil {
		return err
	}
	t := times(h)
	return unix.UtimesNanoAt(unix.AT_FDCWD, procPath(fd), t[:], 0)
}

// special makes a link or a pipe.
func (w *Writer) special(at entryAt, make func() error) error {
	err := make()
	for i := 0; errors.Is(err, unix.EEXIST) && i < maxRaces; i++ {
		if err = w.clear(at); err == nil {
			err = make()
		}
	}
	if err != nil {
		return err
	}
	fd, st, err := look(at.dir, at.base)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !is(&st, unix.S_IFLNK) {
		return w.dress(fd, at.header)
	}
	uid, gid, err := w.Owner(at.header)
	if err == nil {
		err = chown(fd, uid, gid)
	}
	t := times(at.header)
	return errors.Join(err, unix.UtimesNanoAt(at.dir, at.base, t[:], unix.AT_SYMLINK_NOFOLLOW))
}

// link makes another name for a member that came before.
func (w *Writer) link(at entryAt) error {
	to, err := inside(at.header.Linkname)
	if err != nil || to == "" {
		return fmt.Errorf("link to %q: %w", at.header.Linkname, ErrEscape)
	}
	if to == at.name { // taking its place would remove it
		return nil
	}
	from, err := w.descend(path.Dir(to))
	if err != nil {
		return fmt.Errorf("link to %q: %w", to, err)
	}
	defer unix.Close(from)
	make := func() error { return unix.Linkat(from, path.Base(to), at.dir, at.base, 0) }
	err = make()
	for i := 0; errors.Is(err, unix.EEXIST) && i < maxRaces; i++ {
		if err = w.clear(at); err == nil {
			err = make()
		}
	}
	if err != nil {
		return fmt.Errorf("link to %q: %w", to, err)
	}
	return nil
}

// mounted tells whether something is mounted on a name.
func mounted(dir int, name string) bool {
	fd, _, err := look(dir, name)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	above, err1 := mountID(dir)
	there, err2 := mountID(fd)
	return err1 != nil || err2 != nil || above != there
}

// removeAll removes a directory and all below it, no link followed and nothing
// removed that is mounted there.
func removeAll(dir int, name string) error {
	for range maxRaces {
		if mounted(dir, name) {
			return unix.EBUSY
		}
		err := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return err
		}
		fd, err := again(func() (int, error) { return unix.Openat(dir, name, plainDir, 0) })
		if err != nil {
			return err
		}
		f, names, err := list(fd, name)
		unix.Close(fd)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err = unix.EBUSY; !mounted(int(f.Fd()), n) {
				err = unix.Unlinkat(int(f.Fd()), n, 0)
			}
			if errors.Is(err, unix.EISDIR) {
				err = removeAll(int(f.Fd()), n)
			}
			if err != nil && !errors.Is(err, unix.ENOENT) {
				f.Close()
				return err
			}
		}
		f.Close()
	}
	return unix.EBUSY
}
