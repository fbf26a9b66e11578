package launcher

import "golang.org/x/sys/unix"

// kernelPath tells what a path of procfs or sysfs is on this kernel.
func kernelPath(path string) (exists, dir bool) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return false, false
	}
	return true, st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// notDir tells of a path of the host that it is there and not a directory.
func notDir(path string) bool {
	exists, dir := kernelPath(path)
	return exists && !dir
}
