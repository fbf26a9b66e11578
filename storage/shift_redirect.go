package storage

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The two attributes by which overlay finds the data of a file in a data-only
// lower directory (Documentation/filesystems/overlayfs.rst, "Data-only lower
// layers"): that there is none here, and the path from the root of the data
// directory. The kernel follows no link on that path and no "..".
const (
	metacopyXattr = "user.overlay.metacopy"
	redirectXattr = "user.overlay.redirect"
)

// copiedWhole is the largest file, in bytes, whose data is copied all the same.
// A reference does not fit beside the inode on ext4, it takes a block of its own,
// as the data of a small file does, which needs no second look-up when it is
// read. Measured in docs/keep-id.md.
const copiedWhole = 4096

// dataDir is the data-only directory for a layer, whose real path it is given:
// one for all layers of a store, so that equal paths in two layers stay apart.
func dataDir(layer string) string { return filepath.Dir(filepath.Dir(layer)) }

// redirectTo is the path of a layer in its [dataDir].
func redirectTo(layer string) string {
	return "/" + filepath.Base(filepath.Dir(layer)) + "/" + filepath.Base(layer) + "/"
}

// reference makes an inode without data that stands for a file of a layer.
func (c *copier) reference(p place, st *unix.Stat_t) error {
	src, dst, name := p.parts[0], p.dst, p.name
	out, err := ignoringEINTR(func() (int, error) {
		return unix.Openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return err
	}
	defer unix.Close(out)
	err = c.refer(out, c.redirects[p.sources[0]]+p.path, st)
	if err == nil {
		// By path, which saves opening the file: nobody else writes in the layer.
		err = c.xattrs(attributesOf{path: procPath(src) + "/" + name}, out)
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.E2BIG) || errors.Is(err, unix.ERANGE) {
		// More than the file system has room for beside an inode: a long path.
		if err := unix.Unlinkat(dst, name, 0); err != nil {
			return err
		}
		return c.file(src, dst, name)
	}
	if err != nil {
		return err
	}
	c.count(0)
	return setTimes(dst, name, st)
}

func (c *copier) refer(out int, to string, st *unix.Stat_t) error {
	if len(to) >= maxPath { // the kernel would not look it up
		return unix.E2BIG
	}
	if err := unix.Fsetxattr(out, redirectXattr, []byte(to), 0); err != nil {
		return err
	}
	if err := unix.Fsetxattr(out, metacopyXattr, nil, 0); err != nil {
		return err
	}
	if err := unix.Ftruncate(out, st.Size); err != nil {
		return err
	}
	return c.own(out, st)
}
