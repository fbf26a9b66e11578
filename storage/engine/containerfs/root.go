package containerfs

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is a place in which paths mean something: a container's root file system,
// or the host as the caller sees it.
type Root struct {
	// FD is the root directory, -1 for the host's.
	FD     int
	Owners Owners
}

// Host is the caller's own sight: paths are relative to the working directory.
func Host() Root { return Root{FD: -1} }

// IsHost tells the host's from a container's.
func (r Root) IsHost() bool { return r.FD < 0 }

// Open resolves a path. In a container that is the kernel's work: beneath the
// root, links as the container sees them, no magic link of a procfs.
func (r Root) Open(name string, flags int) (int, error) {
	if r.IsHost() {
		return again(func() (int, error) { return unix.Open(name, flags|unix.O_CLOEXEC, 0) })
	}
	// Relative to the root, as docker has it.
	name = strings.TrimLeft(name, "/")
	if name == "" {
		name = "."
	}
	return openat2(r.FD, name, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// found is what a path leads to.
type found struct {
	fd   int // O_PATH, -1 when there is nothing
	stat unix.Stat_t
}

func (p found) close() {
	if p.fd >= 0 {
		unix.Close(p.fd)
	}
}

func (p found) exists() bool { return p.fd >= 0 }
func (p found) isDir() bool  { return p.fd >= 0 && is(&p.stat, unix.S_IFDIR) }

// find looks a path up; that there is nothing is no error.
func (r Root) find(name string, follow bool) (found, error) {
	flags := unix.O_PATH
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	p := found{fd: -1}
	fd, err := r.Open(name, flags)
	if errors.Is(err, unix.ENOENT) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if err := unix.Fstat(fd, &p.stat); err != nil {
		unix.Close(fd)
		return p, err
	}
	p.fd = fd
	return p, nil
}

// trailing tells what a path ends with: a slash says that it must be a directory,
// "/." that what is in it is meant.
func trailing(name string) (slash, contents bool) {
	contents = name == "." || strings.HasSuffix(name, "/.")
	return contents || strings.HasSuffix(name, "/") || name == ".." || strings.HasSuffix(name, "/.."), contents
}

// base is a path's last name, parent what is before it. Both are words only: what
// they lead to the kernel says.
func base(name string) string   { return path.Base(path.Clean(name)) }
func parent(name string) string { return path.Dir(path.Clean(name)) }
