package userns

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// MapsEqual tells whether the user namespace of process pid is a base
// namespace of this grant: a child of our own with exactly these maps, as they
// were cut. Such a namespace can be joined instead of made.
//
// The maps alone do not tell: the default map of a container is the identity
// over the base ids, so from here the container's namespace shows the same
// numbers. Any doubt, a process that is gone among them, is false.
func (g Grant) MapsEqual(pid int) bool {
	proc, err := openProc()
	if err != nil {
		return false
	}
	defer proc.close()
	process := strconv.Itoa(pid)
	// Held open, the directory answers for this process only, never for a later
	// one of the same number.
	dir, err := proc.open(process, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	for _, k := range kinds {
		m, err := procfs(dir).idMap(".", k.mapFile)
		if err != nil || !m.Equal(k.of(g)) {
			return false
		}
	}
	return childOfOurs(proc, dir)
}

// childOfOurs tells whether the parent of a process's user namespace is the
// one we are in (ioctl_ns(2), Linux 4.9).
func childOfOurs(proc procfs, dir int) bool {
	ns, err := retry(func() (int, error) { return unix.Openat(dir, "ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return false
	}
	defer unix.Close(ns)
	parent, err := unix.IoctlRetInt(ns, unix.NS_GET_PARENT)
	if err != nil {
		return false
	}
	defer unix.Close(parent)
	var theirs, ours unix.Stat_t
	return unix.Fstat(parent, &theirs) == nil && unix.Fstatat(int(proc), "self/ns/user", &ours, 0) == nil &&
		theirs.Dev == ours.Dev && theirs.Ino == ours.Ino
}
