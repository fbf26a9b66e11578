package storage

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// merged is one directory as overlay shows it: the directories of that path in
// the layers, top first, as O_PATH descriptors. What hides lower ones has been
// left out already.
type merged struct {
	layers   []int
	borrowed bool // the descriptors are the View's own: close does nothing
}

func (m merged) exists() bool { return len(m.layers) > 0 }

func (m merged) close() {
	if m.borrowed {
		return
	}
	for _, fd := range m.layers {
		unix.Close(fd)
	}
}

// entry is what a name in a merged directory is: a directory (dir exists), or
// something else (file, an O_PATH descriptor), or nothing at all (file is -1).
type entry struct {
	dir  merged
	file int
	stat unix.Stat_t // of the topmost layer that has the name
}

// lookup finds one name, which is neither "." nor ".." and holds no slash, by
// the rules of overlayfs (Documentation/filesystems/overlayfs.rst): a whiteout
// hides everything beneath it, a directory joins those beneath it until one is
// opaque or something else than a directory comes.
func (m merged) lookup(name string) (entry, error) {
	e := entry{file: -1}
	for _, layer := range m.layers {
		fd, err := openat(layer, name, unix.O_PATH|unix.O_NOFOLLOW)
		if err == unix.ENOENT {
			continue
		}
		var st unix.Stat_t
		if err == nil {
			if err = unix.Fstat(fd, &st); err != nil {
				unix.Close(fd)
			}
		}
		if err != nil {
			e.dir.close()
			return entry{file: -1}, err
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			if !e.dir.exists() {
				e.stat = st
			} else if hides, err := opaque(e.dir.layers[len(e.dir.layers)-1]); hides || err != nil {
				// Asked only now that there is something to hide: two
				// system calls fewer for most directories.
				unix.Close(fd)
				if err != nil {
					e.dir.close()
					return entry{file: -1}, err
				}
				return e, nil
			}
			e.dir.layers = append(e.dir.layers, fd)
			continue
		}
		whiteout := st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
		if whiteout || e.dir.exists() {
			unix.Close(fd)
			return e, nil
		}
		e.file, e.stat = fd, st
		return e, nil
	}
	return e, nil
}

// opaque tells whether a directory hides the ones beneath it. Rootless stores
// use the user attribute (mount option userxattr, kernel 5.11), stores of root
// the trusted one, which reads as absent without CAP_SYS_ADMIN.
func opaque(dir int) (bool, error) {
	var value [2]byte
	for _, name := range []string{"user.overlay.opaque", "trusted.overlay.opaque"} {
		n, err := unix.Getxattr(procPath(dir), name, value[:])
		switch err {
		case nil:
			if n == 1 && value[0] == 'y' {
				return true, nil
			}
		case unix.ENODATA, unix.EOPNOTSUPP, unix.ERANGE:
		default:
			return false, fmt.Errorf("cannot tell whether a directory hides the layers beneath it: %w", err)
		}
	}
	return false, nil
}

// openat is openat(2) without the calls that a signal interrupted, always with
// O_CLOEXEC.
func openat(dir int, name string, flags int) (int, error) {
	return ignoringEINTR(func() (int, error) { return unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0) })
}

// reopen opens what an O_PATH descriptor stands for. The magic links of
// /proc/self/fd name the open file itself, not its path.
func reopen(fd, flags int) (int, error) {
	return openat(unix.AT_FDCWD, procPath(fd), flags)
}

func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
