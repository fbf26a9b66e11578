package main_test

import "golang.org/x/sys/unix"

// oldCalls are those that newer architectures do without.
func oldCalls() map[uint64]struct {
	name     string
	path, fd int
} {
	return map[uint64]struct {
		name     string
		path, fd int
	}{
		unix.SYS_RENAME: {"rename", 1, -1}, unix.SYS_UNLINK: {"unlink", 0, -1}, unix.SYS_MKDIR: {"mkdir", 0, -1}, unix.SYS_RMDIR: {"rmdir", 0, -1},
		unix.SYS_LINK: {"link", 1, -1}, unix.SYS_SYMLINK: {"symlink", 1, -1}, unix.SYS_MKNOD: {"mknod", 0, -1}, unix.SYS_CREAT: {"creat", 0, -1},
		unix.SYS_CHOWN: {"chown", 0, -1}, unix.SYS_LCHOWN: {"lchown", 0, -1}, unix.SYS_CHMOD: {"chmod", 0, -1},
		unix.SYS_FORK: {"fork", -1, -1}, unix.SYS_VFORK: {"vfork", -1, -1},
	}
}
