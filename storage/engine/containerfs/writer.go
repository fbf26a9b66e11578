package containerfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrEscape says that an archive's member names something outside of where it
	// is unpacked.
	ErrEscape = errors.New("the name leads out of the destination")
	// ErrLink says that the name of an archive's member leads through a link, where
	// none is followed, or through a file.
	ErrLink = errors.New("not a directory, or a link, which is not followed")
	// ErrDirOverFile and ErrFileOverDir are what docker refuses without --overwrite.
	ErrDirOverFile = errors.New("cannot overwrite a non-directory with a directory")
	ErrFileOverDir = errors.New("cannot overwrite a directory with a non-directory")
)

// Replace is what a member may take the place of. Files, links and pipes always
// take each other's, and directories are merged.
type Replace int

const (
	// ReplaceFiles is docker's rule: nothing but that.
	ReplaceFiles Replace = iota
	// ReplaceEmpty is tar's: directories take the place of other files, and those of
	// empty directories.
	ReplaceEmpty
	// ReplaceAll lets directories and other files take each other's place.
	ReplaceAll
)

// Writer is a [Sink] that makes files beneath a directory. Links below it are
// never followed on the host. In a container those that lead to directories are,
// by the kernel, beneath the container's root: many images have /lib as a link.
type Writer struct {
	// Owner says who a member belongs to, as this process sees ids.
	Owner func(h *tar.Header) (uid, gid int, err error)
	// Replace says what a member may take the place of.
	Replace Replace
	// Whole gives directories that are there already the member's mode and owner.
	Whole bool
	// DropSetID takes the set-uid and set-gid bits off files: their new owner never
	// meant to give such a program away.
	DropSetID bool
	// Raw sets access lists, too: see [Tree.Raw].
	Raw bool
	// Skipped is called with the name of a device, which is left out. Without it
	// devices are errors.
	Skipped func(name string)

	dir  int    // where names begin
	root Root   // and the root file system that is in
	at   string // and its path there

	last   string // the directory of the last member, open
	lastFD int
	times  []laterTimes // of directories, which making files in them changes
}

type laterTimes struct {
	name string
	mode uint32
	time [2]unix.Timespec
}

// newWriter writes beneath dir, which is the path at in root.
func newWriter(root Root, dir int, at string) *Writer {
	return &Writer{root: root, dir: dir, at: at, lastFD: -1}
}

// Add makes one file. What is missing of its path is made, too.
func (w *Writer) Add(h *tar.Header, content io.Reader) error {
	name, err := inside(h.Name)
	if err == nil {
		err = w.add(h, name, content)
	}
	if err != nil {
		return fmt.Errorf("cannot make %q: %w", h.Name, err)
	}
	return nil
}

// inside cleans a member's name: relative, without "..".
func inside(name string) (string, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return "", unix.EINVAL
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", ErrEscape
		}
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}

func (w *Writer) add(h *tar.Header, name string, content io.Reader) error {
	if name == "" { // the destination itself, which is there
		if h.Typeflag != tar.TypeDir {
			return ErrFileOverDir
		}
		return w.existingDir(w.dir, "", h)
	}
	dir, err := w.enter(path.Dir(name))
	if err != nil {
		return err
	}
	at := entryAt{dir: dir, base: path.Base(name), name: name, header: h}
	switch h.Typeflag {
	case tar.TypeDir:
		return w.directory(at)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return w.file(at, content)
	case tar.TypeSymlink:
		return w.special(at, func() error { return unix.Symlinkat(h.Linkname, dir, at.base) })
	case tar.TypeLink:
		return w.link(at)
	case tar.TypeFifo:
		return w.special(at, func() error { return unix.Mknodat(dir, at.base, unix.S_IFIFO|0o600, 0) })
	case tar.TypeChar, tar.TypeBlock:
		if w.Skipped != nil {
			w.Skipped(name)
			return nil
		}
		return errors.New("devices cannot be made in a user namespace (mknod(2))\n  fix: leave it out, and give the container the host's with --device")
	}
	return fmt.Errorf("a member of unknown type %q", h.Typeflag)
}

// entryAt is where a member goes.
type entryAt struct {
	dir    int
	base   string
	name   string // the whole path beneath the destination
	header *tar.Header
}

// enter opens a directory beneath the destination, and makes it if it is missing.
// It stays open until another is entered.
func (w *Writer) enter(name string) (int, error) {
	if name == "." {
		return w.dir, nil
	}
	if name == w.last && w.lastFD >= 0 {
		return w.lastFD, nil
	}
	fd, err := w.descend(name)
	if err != nil {
		return -1, err
	}
	w.leave()
	w.last, w.lastFD = name, fd
	return fd, nil
}

func (w *Writer) leave() {
	if w.lastFD >= 0 {
		unix.Close(w.lastFD)
	}
	w.last, w.lastFD = "", -1
}

const plainDir = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

func (w *Writer) descend(name string) (int, error) {
	// The usual case: all is there, and no link.
	fd, err := openat2(w.dir, name, plainDir, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	if err == nil {
		return fd, nil
	}
	at, err := again(func() (int, error) { return unix.Openat(w.dir, ".", plainDir, 0) })
	if err != nil {
		return -1, err
	}
	done := ""
	for part := range strings.SplitSeq(name, "/") {
		done = join(done, part)
		next, err := w.step(at, part, done)
		unix.Close(at)
		if err != nil {
			return -1, fmt.Errorf("directory %q: %w", done, err)
		}
		at = next
	}
	return at, nil
}

// step opens or makes one directory of a path.
func (w *Writer) step(dir int, name, whole string) (int, error) {
	fd, err := again(func() (int, error) { return unix.Openat(dir, name, plainDir, 0) })
	if errors.Is(err, unix.ENOENT) {
		uid, gid, err := w.Owner(&tar.Header{Name: whole, Typeflag: tar.TypeDir})
		if err != nil {
			return -1, err
		}
		if err := unix.Mkdirat(dir, name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return -1, err
		}
		if fd, err = again(func() (int, error) { return unix.Openat(dir, name, plainDir, 0) }); err != nil {
			return -1, err
		}
		if err := own(fd, uid, gid, 0o755); err != nil {
			unix.Close(fd)
			return -1, err
		}
		return fd, nil
	}
	if !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
		return fd, err
	}
	if w.root.IsHost() {
		return -1, fmt.Errorf("%w (%w)", ErrLink, err)
	}
	return w.root.Open(path.Join("/", w.at, whole), unix.O_PATH|unix.O_DIRECTORY)
}

// own gives a file, open in any way, its owner and then its mode, which a change
// of owner takes bits from (chown(2)).
func own(fd, uid, gid int, mode uint32) error {
	if err := chown(fd, uid, gid); err != nil {
		return err
	}
	if err := unix.Chmod(procPath(fd), mode&0o7777); err != nil {
		return fmt.Errorf("cannot set its mode: %w", err)
	}
	return nil
}

func chown(fd, uid, gid int) error {
	err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
	switch {
	case errors.Is(err, unix.EINVAL): // chown(2) in user_namespaces(7)
		return fmt.Errorf("it belongs to %d:%d, and you have no such ids\n  fix: coracle doctor", uid, gid)
	case err != nil:
		return fmt.Errorf("cannot give it to %d:%d: %w", uid, gid, err)
	}
	return nil
}

// Close sets the times and modes of directories and lets go of all.
func (w *Writer) Close() error {
	w.leave()
	var first error
	for i := len(w.times) - 1; i >= 0; i-- {
		t := w.times[i]
		fd, err := w.descendExisting(t.name)
		if err != nil {
			continue // taken away meanwhile
		}
		if err := unix.Chmod(procPath(fd), t.mode); err != nil && first == nil {
			first = fmt.Errorf("cannot set the mode of %q: %w", t.name, err)
		}
		_ = unix.UtimesNanoAt(unix.AT_FDCWD, procPath(fd), t.time[:], 0)
		unix.Close(fd)
	}
	w.times = nil
	unix.Close(w.dir)
	return first
}

func (w *Writer) descendExisting(name string) (int, error) {
	if name == "" {
		name = "."
	}
	return openat2(w.dir, name, plainDir, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
}
