package containerfs

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxRaces is how often a look-up is tried that fails because something was
// renamed meanwhile (EAGAIN, openat2(2)): a container may go on renaming.
const maxRaces = 10000

func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve}
	for races := 0; ; {
		fd, err := unix.Openat2(dir, path, &how)
		if err == unix.EAGAIN {
			races++
		} else if err != unix.EINTR {
			return fd, err
		}
		if races > maxRaces {
			return -1, err
		}
	}
}

// look opens one name of a directory to be looked at: no link is followed, no
// pipe or device is opened.
func look(dir int, name string) (fd int, st unix.Stat_t, err error) {
	if fd, err = again(func() (int, error) {
		return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}); err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

// reopen opens what an O_PATH descriptor stands for. The magic links of
// /proc/self/fd name the open file itself, not its path.
func reopen(fd, flags int) (int, error) {
	return again(func() (int, error) { return unix.Open(procPath(fd), flags|unix.O_CLOEXEC, 0) })
}

func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// openFile opens for reading what look has found to be a regular file.
func openFile(fd int, name string) (*os.File, error) {
	f, err := reopen(fd, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(f), name), nil
}

// openDir opens for reading what look has found to be a directory.
func openDir(fd int, name string) (*os.File, error) {
	f, err := reopen(fd, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(f), name), nil
}

// readLink reads a link that look has opened.
func readLink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	return string(buf[:max(n, 0)]), err
}

func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

func is(st *unix.Stat_t, kind uint32) bool { return st.Mode&unix.S_IFMT == kind }
