package containerfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// maxName bounds the path of a file within a walk, in bytes: a container can nest
// directories without end, and each level costs a descriptor.
const maxName = 64 << 10

// Sink takes what a walk finds: a header whose owner is as the root shows it, and
// for a regular file its content, which may be shorter or longer than the header
// says when somebody is writing it.
type Sink interface {
	Add(h *tar.Header, content io.Reader) error
}

// Tree walks files and directories into a sink.
type Tree struct {
	Sink   Sink
	Owners Owners
	// OneMount stays on the mount that the walk starts on.
	OneMount bool
	// Restore gives files of squashed images the owners that [OwnerAttr] keeps.
	Restore bool
	// Raw keeps what means something for the ids of this process only: access lists,
	// and [OwnerAttr] as the attribute that it is.
	Raw bool

	seen  map[inode]string // files with several names
	mount uint64
}

type inode struct{ dev, ino uint64 }

// Walk adds what fd (O_PATH) stands for under the name given, and if that is a
// directory all below it. An empty name means the directory itself is left out and
// only what is in it comes, "." means it comes as "./".
func (t *Tree) Walk(ctx context.Context, fd int, name string) error {
	if t.seen == nil {
		t.seen = make(map[inode]string)
	}
	var err error
	if t.OneMount {
		if t.mount, err = mountID(fd); err != nil {
			return fmt.Errorf("cannot tell on which mount %q is: %w", name, err)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	return t.entry(ctx, fd, &st, name)
}

// entry adds one file or directory.
func (t *Tree) entry(ctx context.Context, fd int, st *unix.Stat_t, name string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(name) > maxName {
		return fmt.Errorf("%.60q…: a path of more than %d bytes", name, maxName)
	}
	if is(st, unix.S_IFSOCK) {
		return nil // archives have no sockets, and nobody would listen
	}
	h, err := t.header(fd, st, name)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if name != "" {
			if err := t.Sink.Add(h, nil); err != nil {
				return err
			}
		}
		return t.directory(ctx, fd, name)
	case tar.TypeReg:
		f, err := openFile(fd, name)
		if err != nil {
			return fmt.Errorf("cannot open %q: %w", name, err)
		}
		defer f.Close()
		return t.Sink.Add(h, f)
	}
	return t.Sink.Add(h, nil)
}

// directory adds what is in a directory, in the order of the names.
func (t *Tree) directory(ctx context.Context, fd int, name string) error {
	dir, names, err := list(fd, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, n := range names {
		child, st, err := look(int(dir.Fd()), n)
		if errors.Is(err, unix.ENOENT) {
			continue // removed meanwhile
		}
		if err == nil {
			err = t.child(ctx, child, &st, join(name, n))
			unix.Close(child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) child(ctx context.Context, fd int, st *unix.Stat_t, name string) error {
	if t.OneMount {
		if at, err := mountID(fd); err != nil || at != t.mount {
			return err
		}
	}
	return t.entry(ctx, fd, st, name)
}

func list(fd int, name string) (*os.File, []string, error) {
	dir, err := openDir(fd, name)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open directory %q: %w", name, err)
	}
	names, err := dir.Readdirnames(-1)
	if err != nil {
		dir.Close()
		return nil, nil, fmt.Errorf("cannot read directory %q: %w", name, err)
	}
	slices.Sort(names)
	return dir, names, nil
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// header describes a file as an archive's member.
func (t *Tree) header(fd int, st *unix.Stat_t, name string) (*tar.Header, error) {
	h := &tar.Header{Name: name, Mode: int64(st.Mode & 0o7777), ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX}
	h.Uid, h.Gid = t.Owners.Show(st.Uid, st.Gid)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		h.Typeflag = tar.TypeDir
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		var err error
		if h.Linkname, err = readLink(fd); err != nil {
			return nil, err
		}
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = map[bool]byte{true: tar.TypeChar, false: tar.TypeBlock}[is(st, unix.S_IFCHR)]
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	default:
		return nil, fmt.Errorf("a file of unknown type %#o", st.Mode&unix.S_IFMT)
	}
	if h.Typeflag != tar.TypeDir && st.Nlink > 1 {
		id := inode{st.Dev, st.Ino}
		if to, known := t.seen[id]; known {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, to, 0
			return h, nil
		}
		t.seen[id] = name
	}
	return h, t.attributes(fd, h)
}

// attributes adds the extended attributes; links have none that matter.
func (t *Tree) attributes(fd int, h *tar.Header) error {
	if h.Typeflag == tar.TypeSymlink {
		return nil
	}
	found, err := xattrs(fd, t.Raw)
	if err != nil {
		return err
	}
	for name, value := range found {
		if name == OwnerAttr && !t.Raw {
			if uid, gid, ok := ownerAttr(value); ok && t.Restore {
				h.Uid, h.Gid = uid, gid
			}
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = make(map[string]string)
		}
		h.PAXRecords[paxXattr+name] = value
	}
	return nil
}

// mountID tells mounts apart: statx(2), STATX_MNT_ID (Linux 5.8).
func mountID(fd int) (uint64, error) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st)
	return st.Mnt_id, err
}
