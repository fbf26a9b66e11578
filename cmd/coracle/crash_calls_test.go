package main_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// changing are the system calls that can change something others can see: files,
// mounts, locks, processes. path is the number of the argument that is a path, -1
// if there is none; fd that of a descriptor, which must be a file's.
var changing = map[uint64]struct {
	name     string
	path, fd int
}{
	unix.SYS_OPENAT: {"openat", 1, -1}, unix.SYS_OPENAT2: {"openat2", 1, -1},
	unix.SYS_WRITE: {"write", -1, 0}, unix.SYS_PWRITE64: {"pwrite64", -1, 0}, unix.SYS_WRITEV: {"writev", -1, 0},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", -1, 2}, unix.SYS_FALLOCATE: {"fallocate", -1, 0}, unix.SYS_FTRUNCATE: {"ftruncate", -1, 0},
	unix.SYS_TRUNCATE: {"truncate", 0, -1}, unix.SYS_FSYNC: {"fsync", -1, 0}, unix.SYS_FDATASYNC: {"fdatasync", -1, 0}, unix.SYS_SYNCFS: {"syncfs", -1, 0},
	unix.SYS_RENAMEAT: {"renameat", 1, -1}, unix.SYS_RENAMEAT2: {"renameat2", 1, -1}, unix.SYS_UNLINKAT: {"unlinkat", 1, -1},
	unix.SYS_MKDIRAT: {"mkdirat", 1, -1}, unix.SYS_LINKAT: {"linkat", 3, -1}, unix.SYS_SYMLINKAT: {"symlinkat", 2, -1}, unix.SYS_MKNODAT: {"mknodat", 1, -1},
	unix.SYS_FCHOWN: {"fchown", -1, 0}, unix.SYS_FCHOWNAT: {"fchownat", 1, -1}, unix.SYS_FCHMOD: {"fchmod", -1, 0}, unix.SYS_FCHMODAT: {"fchmodat", 1, -1},
	unix.SYS_UTIMENSAT: {"utimensat", 1, -1}, unix.SYS_SETXATTR: {"setxattr", 0, -1}, unix.SYS_LSETXATTR: {"lsetxattr", 0, -1}, unix.SYS_FSETXATTR: {"fsetxattr", -1, 0},
	unix.SYS_REMOVEXATTR: {"removexattr", 0, -1}, unix.SYS_LREMOVEXATTR: {"lremovexattr", 0, -1},
	unix.SYS_MOUNT: {"mount", 1, -1}, unix.SYS_UMOUNT2: {"umount2", 0, -1}, unix.SYS_MOVE_MOUNT: {"move_mount", 3, -1}, unix.SYS_OPEN_TREE: {"open_tree", 1, -1},
	unix.SYS_MOUNT_SETATTR: {"mount_setattr", 1, -1}, unix.SYS_PIVOT_ROOT: {"pivot_root", 0, -1},
	unix.SYS_CLONE: {"clone", -1, -1}, unix.SYS_CLONE3: {"clone3", -1, -1}, unix.SYS_UNSHARE: {"unshare", -1, -1}, unix.SYS_SETNS: {"setns", -1, -1}, unix.SYS_EXECVE: {"execve", 0, -1},
	unix.SYS_FLOCK: {"flock", -1, 0}, unix.SYS_FCNTL: {"fcntl", -1, 0},
}

// describeCall is a call that changes something, in words; empty for others.
func describeCall(pid int, info *callInfo) string {
	c, ok := changing[info.nr]
	if !ok {
		if c, ok = oldCalls()[info.nr]; !ok {
			return ""
		}
	}
	switch c.name {
	case "openat":
		if info.args[2]&(unix.O_CREAT|unix.O_TRUNC|unix.O_TMPFILE&^unix.O_DIRECTORY) == 0 {
			return ""
		}
	case "openat2":
		if len(peek(pid, info.args[2], 1)) == 0 || peek(pid, info.args[2], 1)[0]&unix.O_CREAT == 0 {
			return ""
		}
	case "clone":
		if info.args[0]&unix.CLONE_THREAD != 0 {
			return ""
		}
	case "fcntl":
		if cmd := int(info.args[1]); cmd != unix.F_SETLK && cmd != unix.F_SETLKW && cmd != unix.F_OFD_SETLK && cmd != unix.F_OFD_SETLKW {
			return ""
		}
	}
	what := ""
	if c.path >= 0 {
		data := peek(pid, info.args[c.path], unix.PathMax)
		what, _, _ = strings.Cut(string(data), "\x00")
	}
	if c.fd >= 0 {
		what, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, int32(info.args[c.fd])))
		if !strings.HasPrefix(what, "/") || strings.HasPrefix(what, "/memfd:") || strings.HasPrefix(what, "/dev/") || what == "/" {
			return ""
		}
		if strings.Contains(what, "/crash") && strings.HasSuffix(what, " (deleted)") {
			return "" // the command's output
		}
	}
	return c.name + "(" + what + ")"
}

// peek reads a process' memory, less than asked for where that ends.
func peek(pid int, at uint64, n int) []byte {
	if at == 0 {
		return nil
	}
	// Not beyond the page: the next one may not be there.
	if left := 4096 - int(at%4096); n > left {
		first := peek(pid, at, left)
		if bytes.IndexByte(first, 0) >= 0 {
			return first
		}
		return append(first, peek(pid, at+uint64(left), n-left)...)
	}
	buf := make([]byte, n)
	local := []unix.Iovec{{Base: &buf[0]}}
	local[0].SetLen(n)
	got, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: n}}, 0)
	if err != nil || got < 0 {
		return nil
	}
	return buf[:got]
}
