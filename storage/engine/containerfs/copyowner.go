package containerfs

import (
	"archive/tar"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// owner says whose a copied file is. Without -a it belongs to the root of where it
// goes: in a container its root, on the host the user, who is 0 in the base
// namespace. With -a it keeps its owner.
//
// The user's own number means the user in both directions: 1000 of the host is
// 1000 in the container, as with docker, and comes back as the user's. Other ids of
// the host are sub-ids, and are what the container calls them.
func (c *Copy) owner(h *tar.Header) (uid, gid int, err error) {
	switch {
	case !c.Archive && c.To.IsHost():
		return c.me[0], c.me[1], nil
	case c.archiveIn:
		return c.To.Owners.Place(h.Uid, h.Gid)
	case !c.Archive:
		uid, gid = c.To.Owners.Root()
		return c.To.Owners.Place(uid, gid)
	}
	uid, gid = h.Uid, h.Gid
	if c.From.IsHost() {
		uid, gid = swap(uid, 0, c.UID), swap(gid, 0, c.GID)
	}
	if c.To.IsHost() {
		return swap(uid, c.UID, 0), swap(gid, c.GID, 0), nil
	}
	if uid, gid, err = c.To.Owners.Place(uid, gid); err != nil {
		return 0, 0, fmt.Errorf("cannot keep its owner: %w\n  fix: copy without --archive", err)
	}
	return uid, gid, nil
}

func swap(id, from, to int) int {
	if id == from {
		return to
	}
	return id
}

// writeAll copies into a descriptor, which it closes.
func writeAll(fd int, name string, from io.Reader) (int64, error) {
	f := os.NewFile(uintptr(fd), name)
	n, err := io.Copy(f, from)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return n, fmt.Errorf("cannot write %q: %w", name, err)
	}
	return n, nil
}

// within tells whether a directory lies in another, or is it.
func within(dir int, top *unix.Stat_t) bool {
	fd, err := unix.Dup(dir)
	for depth := 0; err == nil && depth < maxName/2; depth++ {
		var st, up unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Dev == top.Dev && st.Ino == top.Ino {
			unix.Close(fd)
			return true
		}
		var next int
		next, err = unix.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		if err == nil && unix.Fstat(next, &up) == nil && up.Dev == st.Dev && up.Ino == st.Ino {
			unix.Close(next) // the root is its own parent
			return false
		}
		fd = next
	}
	return false
}
