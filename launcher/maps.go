package launcher

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// writeMaps gives the container's user namespace its ids. This process may: it
// has CAP_SETUID and CAP_SETGID in the parent namespace (user_namespaces(7)).
func (s *supervisor) writeMaps(pid int) error {
	if s.req.Plan.UIDMap == "" || s.mapped {
		return nil
	}
	dir, err := openProc(pid)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if s.req.Plan.DenySetgroups {
		if err := writeAt(dir, "setgroups", "deny"); err != nil {
			return fmt.Errorf("cannot deny setgroups: %w", err)
		}
	}
	if err := writeAt(dir, "uid_map", s.req.Plan.UIDMap); err != nil {
		return fmt.Errorf("cannot map user ids (%q): %w", s.req.Plan.UIDMap, err)
	}
	if err := writeAt(dir, "gid_map", s.req.Plan.GIDMap); err != nil {
		return fmt.Errorf("cannot map group ids (%q): %w", s.req.Plan.GIDMap, err)
	}
	return nil
}

// openProc opens /proc/PID and makes sure that it is procfs: writing ids into
// some other file system would be a way to be fooled (CVE-2019-16884).
func openProc(pid int) (int, error) {
	path := "/proc/" + strconv.Itoa(pid)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot open %s: %w", path, err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil || st.Type != unix.PROC_SUPER_MAGIC {
		unix.Close(fd)
		return -1, fmt.Errorf("/proc is not procfs: refusing to write id maps there\n  fix: mount -t proc proc /proc")
	}
	return fd, nil
}

func writeAt(dir int, name, value string) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(value))
	return err
}
