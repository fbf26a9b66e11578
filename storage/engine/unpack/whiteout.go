package unpack

import (
	"archive/tar"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A name with this prefix says that the rest of it is not there any more
// (image-spec/layer.md); ".wh." + opaque, that nothing below its directory is.
const whiteout, opaque = ".wh.", ".wh..opq"

// whiteout writes down that something is gone, in overlayfs's form.
func (u *unpacker) whiteout(h *tar.Header, up, base, rest string) error {
	fd, _, err := u.tree.dir(up)
	if errors.Is(err, unix.ENOTDIR) {
		// Some tools write "/.wh.foo" and then "/foo/.wh.bar".
		return nil
	}
	if err != nil {
		return fmt.Errorf("its directory: %w", err)
	}
	if rest == opaque {
		return u.opaque(h, fd)
	}
	if rest == "" || rest == "." || rest == ".." {
		return formatf("it is a whiteout of nothing")
	}
	at := place{fd: fd, base: rest}
	err = unix.Mknodat(fd, rest, unix.S_IFCHR, 0)
	if errors.Is(err, unix.EEXIST) {
		return nil // it means the layers below, not what this one brings
	}
	if err != nil {
		return err
	}
	uid, gid := h.Uid, h.Gid
	if !u.o.UIDs.Has(uid) || !u.o.GIDs.Has(gid) {
		uid, gid = 0, 0 // nobody ever sees the owner of what is not there
	}
	if err := u.lchown(at, uid, gid); err != nil {
		return err
	}
	return u.done(h, 0)
}

func (u *unpacker) opaque(h *tar.Header, fd int) error {
	mark := "trusted.overlay.opaque"
	if u.o.UserNS {
		mark = "user.overlay.opaque" // with the mount option userxattr, Linux 5.11
	}
	err := unix.Fsetxattr(fd, mark, []byte{'y'}, unix.XATTR_CREATE)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot mark the directory as opaque: %w", err)
	}
	return u.done(h, 0)
}
