package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Options say how to unpack.
type Options struct {
	UIDs, GIDs IDs    // the ids that exist, as the caller's user namespace has them
	Owners     Owners // what becomes of others
	// UserNS: in a user namespace the kernel makes no devices and keeps overlay's
	// marks as user.overlay.*, elsewhere as trusted.overlay.*.
	UserNS bool
	Limits Limits
	// Compressed says how much of the compressed stream was read so far, for
	// Limits.Ratio; nil when the stream was not compressed.
	Compressed func() int64
	Split      io.Writer // takes the tar-split record; nil for none
}

// A Result is what became known of the layer.
type Result struct {
	Size       int64    // bytes of the stream
	Entries    int64    // members of the archive
	UIDs, GIDs []uint32 // owners as the stream has them, sorted; whiteouts do not count
	Squashed   int64    // files whose owner does not exist
	// Root is the mode of the layer's root directory, nil when the stream says
	// nothing of it.
	Root *os.FileMode
}

// An unpacker is one Unpack.
type unpacker struct {
	ctx    context.Context
	o      *Options
	tree   *tree
	split  *splitter
	tar    *tar.Reader
	buf    []byte
	umask  uint32
	size   int64 // bytes of content so far
	result Result
	later  []directory // their times are set last
	setgid bool        // a directory hands its group down
	alias  string      // the entry's path, when its name leads through a link
	twice  bool        // something was in the entry's place before
	stale  bool        // what the tree knows of directories may be wrong

	uids, gids       map[uint32]struct{}
	lastUID, lastGID uint32
	anyID            bool
}

// Unpack reads a tar stream to its end and writes its members into the
// directory dir, which must be empty and nobody else's. After an error dir
// holds a part of them.
//
// Errors about an entry are an [EntryError], with [ErrLimit], [ErrFormat],
// [ErrEscape], an [IDError] or a system call's errno below. [ErrSystem] comes
// before anything was read.
func Unpack(ctx context.Context, in io.Reader, dir string, o Options) (*Result, error) {
	t, err := newTree(dir)
	if err != nil {
		return nil, err
	}
	defer t.close()
	o.Limits = o.Limits.withDefaults()
	u := &unpacker{
		ctx: ctx, o: &o, tree: t, buf: make([]byte, 256<<10), umask: umask(),
		uids: make(map[uint32]struct{}), gids: make(map[uint32]struct{}),
	}
	u.split = newSplitter(in, o.Split, &u.o.Limits)
	u.tar = tar.NewReader(u.split)
	if err := u.all(); err != nil {
		return nil, err
	}
	u.result.Size, u.result.Entries = u.split.total, u.split.entries
	u.result.UIDs, u.result.GIDs = u.owners(u.uids, o.UIDs), u.owners(u.gids, o.GIDs)
	return &u.result, nil
}

func (u *unpacker) all() error {
	name := ""
	for {
		h, err := u.tar.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &EntryError{after(name), formed(err)}
		}
		name = h.Name
		u.split.entry()
		if err := u.entry(h); err != nil {
			return &EntryError{name, formed(err)}
		}
	}
	if err := u.split.end(u.buf); err != nil {
		return &EntryError{after(name), err}
	}
	if err := u.finish(); err != nil {
		return fmt.Errorf("cannot set the times of directories: %w", err)
	}
	return nil
}

// after names the place of an error between entries.
func after(name string) string {
	if name == "" {
		return ""
	}
	return "what follows " + name
}

// formed puts the tar reader's own error among ours.
func formed(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, tar.ErrFieldTooLong) {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return err
}

// entry unpacks one member.
func (u *unpacker) entry(h *tar.Header) error {
	if err := u.check(h); err != nil {
		return err
	}
	name, err := inside(h.Name)
	if err != nil {
		return err
	}
	if u.twice = false; u.stale {
		u.tree.forget()
		u.stale = false
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // as in the library; several have the same name
	}
	if name == "" {
		return u.rootEntry(h)
	}
	up, base := path.Split(name)
	up = strings.TrimSuffix(up, "/")
	u.note(h, base)
	if rest, ok := strings.CutPrefix(base, whiteout); ok {
		return u.whiteout(h, up, base, rest)
	}
	fd, real, err := u.tree.dir(up)
	if err != nil {
		return fmt.Errorf("its directory: %w", err)
	}
	at := place{fd: fd, base: base, real: path.Join(real, base)}
	if u.alias = ""; at.real != name {
		u.alias = at.real
	}
	make, ok := makers[h.Typeflag]
	if !ok {
		return formatf("it is of the unknown type %q", h.Typeflag)
	}
	return make(u, at, h)
}

// A place is where an entry goes.
type place struct {
	fd   int    // its directory
	base string // its name there
	real string // its path from the root, without links
}

var makers = map[byte]func(*unpacker, place, *tar.Header) error{
	tar.TypeReg:       (*unpacker).regular,
	tar.TypeGNUSparse: (*unpacker).regular,
	tar.TypeCont:      (*unpacker).regular,
	tar.TypeDir:       (*unpacker).directory,
	tar.TypeSymlink:   (*unpacker).symlink,
	tar.TypeLink:      (*unpacker).hardlink,
	tar.TypeFifo:      (*unpacker).special,
	tar.TypeChar:      (*unpacker).special,
	tar.TypeBlock:     (*unpacker).special,
}

// check refuses an entry that asks for too much, before anything is made of it.
func (u *unpacker) check(h *tar.Header) error {
	lim := &u.o.Limits
	switch {
	case u.ctx.Err() != nil:
		return context.Cause(u.ctx)
	case u.split.entries > lim.Entries:
		return limitf("the layer has more than %d entries", lim.Entries)
	case len(h.Name) > lim.Path:
		return limitf("its name has %d bytes, the most is %d", len(h.Name), lim.Path)
	case len(h.Linkname) > lim.Path:
		return limitf("its target has %d bytes, the most is %d", len(h.Linkname), lim.Path)
	case strings.IndexByte(h.Name, 0) >= 0 || strings.IndexByte(h.Linkname, 0) >= 0:
		return formatf("its name has a NUL")
	case h.Size < 0 || h.Size > lim.Size-u.size:
		return limitf("the layer unpacks to more than %d bytes", lim.Size)
	}
	return u.grow(0)
}

// inside cleans a name; "" is the root itself. A name may have "..", as long as
// it does not lead out; a leading slash means nothing.
func inside(name string) (string, error) {
	name = path.Clean(name)
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", ErrEscape
	}
	if name = strings.TrimPrefix(name, "/"); name == "." {
		name = ""
	}
	return name, nil
}

// done writes an entry down that has no content, or none left to read. Of
// names that come twice tar-split takes the first only, and without content
// the name is not needed. A push opens the name as it stands here: one that
// led through a link would lead it out of the layer.
func (u *unpacker) done(h *tar.Header, size int64) error {
	switch {
	case u.twice && size == 0, u.alias != "" && size == 0:
		return nil
	case u.alias != "":
		return u.split.file(u.alias, size)
	}
	return u.split.file(h.Name, size)
}

// umask is the process's mask for new files, which openat(2) applies (Linux 4.7,
// proc_pid_status(5)). Without /proc it is the strictest, which only costs time.
func umask() uint32 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0o777
	}
	_, rest, ok := strings.Cut(string(data), "\nUmask:")
	var mask uint32
	if n, err := fmt.Sscanf(rest, "%o", &mask); !ok || n != 1 || err != nil {
		return 0o777
	}
	return mask & 0o777
}

// bits are the mode bits of a header as chmod(2) takes them.
func bits(h *tar.Header) uint32 { return uint32(h.Mode) & 0o7777 }
