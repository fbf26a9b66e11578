package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// What a container wrote is hostile: links, directories nested deeper than any
// path is long, mode 000. removeTree goes from open directory to open directory
// by single names, keeps a bounded number open, and follows no link. It needs no
// free space: it only unlinks. A directory is entered after rmdir(2) has said
// that it is not empty; of one that something is mounted on, it says EBUSY.

// maxOpen is how many directories of one branch stay open.
const maxOpen = 32

// branch is one directory on the way from the root of the removal to where it
// is now. Only the last maxOpen have f; the others are opened again through
// "..", and recognised by device and inode.
type branch struct {
	name   string
	f      *os.File
	id     fileID
	dirs   []string // found in it, still to be removed
	passes int
	failed bool // something in it stays, so it stays
}

type fileID struct{ dev, ino uint64 }

type remover struct {
	parent   int // holds the tree's root
	branches []branch
	err      error // the first
}

// removeTree removes path and all below it. It goes on after an error and
// returns the first. What somebody else removed meanwhile is no error.
func removeTree(ctx context.Context, path string) error {
	parent, err := openat(unix.AT_FDCWD, filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	defer unix.Close(parent)
	r := &remover{parent: parent}
	defer r.close()
	name := filepath.Base(path)
	if err := unix.Unlinkat(parent, name, 0); err == unix.EISDIR {
		r.directory(parent, name)
	} else if err != nil && err != unix.ENOENT {
		r.fail(name, err)
	}
	for len(r.branches) > 0 && ctx.Err() == nil {
		r.step()
	}
	if r.err == nil {
		r.err = ctx.Err()
	}
	if r.err != nil {
		return fmt.Errorf("cannot remove all of %q: %w", path, r.err)
	}
	return nil
}

// step does the next thing in the deepest directory: remove a directory found
// there, or read and unlink some names, or leave.
func (r *remover) step() {
	here := &r.branches[len(r.branches)-1]
	dir := int(here.f.Fd())
	if n := len(here.dirs); n > 0 {
		name := here.dirs[n-1]
		here.dirs = here.dirs[:n-1]
		r.directory(dir, name)
		return
	}
	names, err := here.f.Readdirnames(1000)
	for _, name := range names {
		// unlink(2) of a directory is EISDIR on Linux: no stat is needed.
		switch err := unlink(dir, name, 0); err {
		case nil, unix.ENOENT:
		case unix.EISDIR:
			here.dirs = append(here.dirs, name)
		default:
			r.fail(name, err)
		}
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.ENOENT) {
		r.fail(here.name, err)
	}
	if len(names) == 0 {
		r.leave()
	}
}

// directory removes a directory, or enters it when there is something in it.
func (r *remover) directory(dir int, name string) {
	switch err := unlink(dir, name, unix.AT_REMOVEDIR); err {
	case nil, unix.ENOENT:
	case unix.ENOTEMPTY, unix.EEXIST:
		r.enter(dir, name)
	default:
		r.fail(name, err)
	}
}

// unlink is unlinkat(2); a directory that forbids it and is ours is opened up.
func unlink(dir int, name string, flags int) error {
	err := unix.Unlinkat(dir, name, flags)
	if err == unix.EACCES && unix.Fchmod(dir, 0o700) == nil {
		err = unix.Unlinkat(dir, name, flags)
	}
	return err
}

// enter makes a directory the deepest one.
func (r *remover) enter(dir int, name string) {
	fd, id, err := openForRemoval(dir, name)
	if err == unix.ENOENT {
		return
	}
	if err != nil {
		r.fail(name, err)
		return
	}
	r.branches = append(r.branches, branch{name: name, f: os.NewFile(uintptr(fd), name), id: id})
	if n := len(r.branches) - 1 - maxOpen; n >= 0 {
		r.branches[n].f.Close()
		r.branches[n].f = nil
	}
}

// openForRemoval opens a directory, whatever its mode: overlay leaves work/work
// with mode 000.
func openForRemoval(dir int, name string) (int, fileID, error) {
	const how = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW
	fd, err := openat(dir, name, how)
	if err == unix.EACCES {
		path, err := openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if err != nil {
			return -1, fileID{}, err
		}
		defer unix.Close(path)
		if err := unix.Chmod(procPath(path), 0o700); err != nil {
			return -1, fileID{}, err
		}
		if fd, err = reopen(path, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
			return -1, fileID{}, err
		}
	} else if err != nil {
		return -1, fileID{}, err
	}
	id, err := identify(fd)
	if err != nil {
		unix.Close(fd)
	}
	return fd, id, err
}

func identify(fd int) (fileID, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return fileID{st.Dev, st.Ino}, err
}

// leave removes the deepest directory, which has been read to its end, and goes
// up.
func (r *remover) leave() {
	last := len(r.branches) - 1
	here := &r.branches[last]
	up := r.parent
	if last > 0 {
		if err := r.branches[last-1].open(here.f); err != nil {
			r.fail(here.name, err)
			r.close() // lost: nothing above can be named any more
			return
		}
		up = int(r.branches[last-1].f.Fd())
	}
	if !here.failed {
		err := unlink(up, here.name, unix.AT_REMOVEDIR)
		// Some file systems skip names while others are removed: read again.
		if (err == unix.ENOTEMPTY || err == unix.EEXIST) && here.passes < 10 {
			if _, err = here.f.Seek(0, io.SeekStart); err == nil {
				here.passes++
				return
			}
		}
		if err != nil && err != unix.ENOENT {
			r.fail(here.name, err)
		}
	}
	failed := here.failed
	here.f.Close()
	r.branches = r.branches[:last]
	if failed && last > 0 {
		r.branches[last-1].failed = true
	}
}

// open opens a directory again that was closed on the way down.
func (b *branch) open(child *os.File) error {
	if b.f != nil {
		return nil
	}
	fd, err := openat(int(child.Fd()), "..", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	b.f = os.NewFile(uintptr(fd), b.name)
	if id, err := identify(fd); err != nil || id != b.id {
		return errors.Join(err, errors.New("its parent directory changed meanwhile"))
	}
	return nil
}

// fail remembers the first error; the deepest directory cannot be removed.
func (r *remover) fail(name string, err error) {
	if n := len(r.branches); n > 0 {
		r.branches[n-1].failed = true
	}
	if r.err == nil {
		r.err = &os.PathError{Op: "remove", Path: name, Err: err}
	}
}

func (r *remover) close() {
	for _, b := range r.branches {
		if b.f != nil {
			b.f.Close()
		}
	}
	r.branches = nil
}
