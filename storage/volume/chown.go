package volume

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// maxDepth bounds how deep directories may be nested in what is chowned or
// exported: each level keeps one open.
const maxDepth = 512

// errDeep says that maxDepth was reached.
var errDeep = errors.New("directories are nested deeper than 512")

// Chown gives a file, or a directory and all in it, to one owner, for the mount option U, as
// mapped root. Links are chowned themselves and lead nowhere; what is mounted
// below belongs to somebody else and stays. Files that have the owner already are
// left alone, with their set-uid bits, which chown(2) takes away.
func Chown(ctx context.Context, dir int, uid, gid uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	c := chowner{ctx: ctx, uid: uid, gid: gid, dev: st.Dev}
	if err := c.one(dir, "", &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	return c.below(dir, 0)
}

type chowner struct {
	ctx      context.Context
	uid, gid uint32
	dev      uint64
}

// one chowns what fd stands for, or the name in it.
func (c chowner) one(fd int, name string, st *unix.Stat_t) error {
	if st.Uid == c.uid && st.Gid == c.gid {
		return nil
	}
	err := unix.Fchownat(fd, name, int(c.uid), int(c.gid), unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH)
	switch err {
	case nil, unix.ENOENT:
		return nil
	case unix.EPERM, unix.EINVAL:
		return fmt.Errorf("cannot give %.200q to another owner: it belongs to an id that is not yours: %w", name, err)
	}
	return &os.PathError{Op: "chown", Path: name, Err: err}
}

func (c chowner) below(dir, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	all, err := namesIn(dir)
	if err != nil {
		return err
	}
	for _, name := range all {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		if err := c.entry(dir, name, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c chowner) entry(dir int, name string, depth int) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT || err == nil && st.Dev != c.dev {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return c.one(dir, name, &st)
	}
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	fd, err := unix.Openat2(dir, name, &how)
	switch err {
	case nil:
		defer unix.Close(fd)
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP: // replaced just now
		return nil
	default:
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if err := c.one(fd, "", &st); err != nil {
		return err
	}
	return c.below(fd, depth+1)
}
