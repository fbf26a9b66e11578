package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// RootWay is how a container gets a root file system of its own.
type RootWay string

// The ways, best first.
const (
	RootOverlay RootWay = "overlay" // the kernel's overlay: at once, nothing copied
	RootFuse    RootWay = "fuse"    // fuse-overlayfs: at once, file access several times slower
	RootCopy    RootWay = "copy"    // every container a copy; its data shared where the file system clones files
)

// ParseRootWay reads the value of the environment variable that chooses.
func ParseRootWay(s string) (RootWay, error) {
	switch w := RootWay(s); w {
	case "", RootOverlay, RootFuse, RootCopy:
		return w, nil
	}
	return "", fmt.Errorf("no way to make root file systems is called %q\n  fix: one of overlay, fuse, copy", s)
}

// ErrNoOverlay says that the kernel's overlay cannot have its upper directory on
// a file system.
var ErrNoOverlay = errors.New("the kernel's overlay cannot be used here")

// ProbeOverlay tries overlay with lower and upper directories below dir as
// mapped root in a mount namespace of its own: a mount, a change, a deleted name
// and a replaced directory. Nothing is attached, everything made is removed.
// Errors: [ErrNoOverlay], and what keeps it from trying.
func ProbeOverlay(dir string) error {
	return TryIn(dir, func(at string) error {
		for _, d := range []string{"low", "low/dir", "low/dir/in", "up", "work"} {
			if err := os.Mkdir(filepath.Join(at, d), 0o700); err != nil {
				return err
			}
		}
		root, err := overlayOf(at, []string{"lowerdir=low"}, []string{"upperdir=up", "workdir=work"})
		if err != nil {
			return fmt.Errorf("%w: %s: mount: %w", ErrNoOverlay, dir, err)
		}
		defer unix.Close(root)
		for _, try := range []struct {
			what string
			do   func() error
		}{
			{"change", func() error { return unix.Mkdirat(root, "dir/new", 0o700) }},
			{"delete", func() error { return unix.Unlinkat(root, "dir/in", unix.AT_REMOVEDIR) }},
			{"whiteout", func() error { return whiteoutAt(at + "/up/dir/in") }},
			{"empty", func() error { return unix.Unlinkat(root, "dir/new", unix.AT_REMOVEDIR) }},
			{"delete", func() error { return unix.Unlinkat(root, "dir", unix.AT_REMOVEDIR) }},
			{"replace", func() error { return unix.Mkdirat(root, "dir", 0o700) }},
			{"opaque directory", func() error {
				if err := unix.Faccessat(root, "dir/in", unix.F_OK, 0); err != unix.ENOENT {
					return fmt.Errorf("what was deleted came back (%v)", err)
				}
				return nil
			}},
		} {
			if err := try.do(); err != nil {
				return fmt.Errorf("%w: %s: %s: %w", ErrNoOverlay, dir, try.what, err)
			}
		}
		return nil
	})
}

func whiteoutAt(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
		return errors.New("not a character device 0:0")
	}
	return nil
}

// ProbeRedirect tries whether overlay, mounted by mapped root with the option
// userxattr, finds a file's data in a data-only lower directory: Linux 6.16. It
// makes and removes some files in dir.
func ProbeRedirect(dir string) (bool, error) {
	const text = "elsewhere"
	works := false
	err := TryIn(dir, func(at string) error {
		if err := os.MkdirAll(filepath.Join(at, "data/layer"), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(at, "data/layer/f"), []byte(text), 0o600); err != nil {
			return err
		}
		if err := os.Mkdir(filepath.Join(at, "low"), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(at, "low/f"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		if unix.Fsetxattr(int(f.Fd()), redirectXattr, []byte("/layer/f"), 0) != nil ||
			unix.Fsetxattr(int(f.Fd()), metacopyXattr, nil, 0) != nil || f.Truncate(int64(len(text))) != nil {
			return nil // a file system without such attributes
		}
		root, err := overlayOf(at, []string{"lowerdir+=low", "datadir+=data"}, nil)
		if err != nil {
			return nil
		}
		defer unix.Close(root)
		fd, err := openat(root, "f", unix.O_RDONLY)
		if err != nil {
			return nil
		}
		defer unix.Close(fd)
		got, err := readAll(fd, 64, 64)
		works = err == nil && string(got) == text
		return nil
	})
	return works, err
}

// TryIn lets try work in a new directory in dir that is removed afterwards, and
// swept as garbage if the process is killed.
func TryIn(dir string, try func(at string) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	at, err := os.MkdirTemp(dir, probePrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(at)
	return try(at)
}
