package unpack

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree is the directory that is unpacked into, with the descriptors of the
// directories in it that were used last.
type tree struct {
	root int
	open map[string]int // by their real path from the root
	ring []string       // the same in the order of opening
	last string         // the name asked for last …
	at   int            // … its descriptor …
	real string         // … and its path without links
	made int64          // directories made on the way
}

// kept is how many directories stay open. Archives go through a tree in depth
// order or in an alphabetic one; both come back to few.
const kept = 64

// beneath is how every path that the stream has a word in is resolved: not
// above the root, through no link.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// maxLinks is how many links one name may lead through, as in the kernel.
const maxLinks = 40

func newTree(dir string) (*tree, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	t := &tree{root: fd, open: make(map[string]int), at: -1}
	probe, err := t.openat2(".", unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		unix.Close(fd)
		return nil, fmt.Errorf("%w: %w", ErrSystem, err)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	unix.Close(probe)
	return t, t.neutral()
}

// neutral takes off what the directory inherited and would hand down: the group
// of a set-group-id parent, access lists.
func (t *tree) neutral() error {
	var st unix.Stat_t
	if err := unix.Fstat(t.root, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_ISGID != 0 {
		if err := unix.Fchown(t.root, 0, 0); err != nil {
			return err
		}
		if err := unix.Fchmod(t.root, st.Mode&0o7777&^unix.S_ISGID); err != nil {
			return err
		}
	}
	for _, name := range []string{aclDefault, aclAccess} {
		err := unix.Fremovexattr(t.root, name)
		if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("cannot remove %s: %w", name, err)
		}
	}
	return nil
}

func (t *tree) close() {
	t.forget()
	unix.Close(t.root)
}

// forget drops what is known of directories: something in the way was removed.
func (t *tree) forget() {
	for _, fd := range t.open {
		unix.Close(fd)
	}
	clear(t.open)
	t.ring, t.last, t.at = t.ring[:0], "", -1
}

// openat2 opens a path from the root. EINTR and EAGAIN (a rename in the
// meantime, openat2(2)) are tried again.
func (t *tree) openat2(name string, flags uint64) (int, error) {
	how := &unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: beneath}
	for {
		fd, err := unix.Openat2(t.root, name, how)
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return fd, err
		}
	}
}

// keep remembers an open directory, closing the oldest when there are many.
func (t *tree) keep(name string, fd int) {
	if len(t.ring) == kept {
		oldest := t.ring[0]
		if t.real == oldest {
			t.last, t.at = "", -1
		}
		unix.Close(t.open[oldest])
		delete(t.open, oldest)
		t.ring = t.ring[:copy(t.ring, t.ring[1:])]
	}
	t.open[name] = fd
	t.ring = append(t.ring, name)
}

// dir returns a directory of the layer, making it and those above it, and its
// path without links. The descriptor is the tree's, good until the next call.
func (t *tree) dir(name string) (fd int, real string, err error) {
	if name == "" {
		return t.root, "", nil
	}
	if name == t.last && t.at >= 0 {
		return t.at, t.real, nil
	}
	fd, real, err = t.find(name, true)
	if err != nil {
		return -1, "", err
	}
	t.last, t.at, t.real = name, fd, real
	return fd, real, nil
}

// find is dir, making nothing unless told so.
func (t *tree) find(name string, make bool) (fd int, real string, err error) {
	if fd, ok := t.open[name]; ok {
		return fd, name, nil
	}
	if name == "" {
		return t.root, "", nil
	}
	fd, err = t.openat2(name, unix.O_RDONLY|unix.O_DIRECTORY)
	switch {
	case err == nil:
		t.keep(name, fd)
		return fd, name, nil
	case errors.Is(err, unix.ENOENT) && !make:
		return -1, "", err
	case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR):
		return -1, "", err
	}
	if real, err = t.walk(name, make); err != nil || real == "" {
		return t.root, "", err
	}
	if fd, ok := t.open[real]; ok {
		return fd, real, nil
	}
	if fd, err = t.openat2(real, unix.O_RDONLY|unix.O_DIRECTORY); err == nil {
		t.keep(real, fd)
	}
	return fd, real, err
}

// walk finds a directory's path without links, as chroot(2) to the root would
// resolve it, making what is missing.
func (t *tree) walk(name string, make bool) (real string, err error) {
	rest, links := strings.Split(name, "/"), 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if real = path.Dir(real); real == "." {
				real = ""
			}
			continue
		}
		next := path.Join(real, part)
		link, err := t.step(next, make)
		if err != nil {
			return "", err
		}
		if link == "" {
			real = next
			continue
		}
		if links++; links > maxLinks {
			return "", unix.ELOOP
		}
		if link[0] == '/' {
			real = ""
		}
		rest = append(strings.Split(link, "/"), rest...)
	}
	return real, nil
}

// step looks at the last component of a path whose others are directories: the
// target of a link, "" for a directory.
func (t *tree) step(name string, make bool) (link string, err error) {
	fd, err := t.openat2(name, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) && make {
		return "", t.mkdir(name)
	}
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "", nil
	case unix.S_IFLNK:
		buf := [unix.PathMax]byte{}
		n, err := unix.Readlinkat(fd, "", buf[:])
		return string(buf[:n]), err
	}
	return "", unix.ENOTDIR
}

// mkdir makes a directory that no entry names (yet). It belongs to root, mode
// 0755, whatever the umask is.
func (t *tree) mkdir(name string) error {
	up, err := t.openat2(path.Dir(name), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(up)
	if err := unix.Mkdirat(up, path.Base(name), 0o755); err != nil {
		return err
	}
	t.made++
	fd, err := t.openat2(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchown(fd, 0, 0); err != nil {
		return err
	}
	return unix.Fchmod(fd, 0o755)
}
