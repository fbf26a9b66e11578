package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fds prints the open descriptors of this process.
func fds([]string) {
	fmt.Print("fds")
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			fmt.Print(" ", fd)
		}
	}
	fmt.Println()
}

// cwd prints what getcwd(2) says, and what the directory holds.
func cwd([]string) {
	b := make([]byte, 4096)
	n, err := unix.Getcwd(b)
	show(err, "cwd", string(b[:max(n-1, 0)]))
	entries, _ := os.ReadDir(".")
	for _, e := range entries {
		fmt.Println("in cwd:", e.Name())
	}
}

// file prints type, device number and file system of paths, links followed.
func file(paths []string) {
	for _, path := range paths {
		var st unix.Stat_t
		var fs unix.Statfs_t
		if err := unix.Stat(path, &st); err != nil {
			show(err, "file", path)
			continue
		}
		_ = unix.Statfs(path, &fs)
		kind := map[uint32]string{unix.S_IFREG: "file", unix.S_IFDIR: "dir", unix.S_IFCHR: "char", unix.S_IFIFO: "fifo"}[st.Mode&unix.S_IFMT]
		fmt.Printf("file %s %s %d:%d fs=%#x\n", path, kind, unix.Major(st.Rdev), unix.Minor(st.Rdev), fs.Type)
	}
}

// open opens paths for writing and writes nothing.
func open(paths []string) {
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		show(err, "open", path)
		if err == nil {
			unix.Close(fd)
		}
	}
}

// look tries to read a file by its path on the host: from the root, above the
// root, and through every process.
func look(paths []string) {
	tops := []string{"", "/..", "/../../..", "/proc/1/root", "/proc/1/root/..", "/proc/1/cwd/../../../../..", "/proc/self/root/../.."}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if e.Name()[0] >= '0' && e.Name()[0] <= '9' {
			tops = append(tops, "/proc/"+e.Name()+"/root", "/proc/"+e.Name()+"/cwd")
		}
	}
	for fd := range 64 {
		tops = append(tops, fmt.Sprintf("/proc/self/fd/%d", fd), fmt.Sprintf("/proc/1/fd/%d", fd))
	}
	for _, path := range paths {
		for _, top := range tops {
			if b, err := os.ReadFile(top + path); err == nil {
				fmt.Printf("FOUND %s%s: %s\n", top, path, b)
			}
		}
	}
	fmt.Println("looked")
}

// escapeChroot is the well-known way out of chroot(2): keep a directory open
// outside, and climb.
func escapeChroot(paths []string) {
	out, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	show(err, "open /")
	_ = unix.Mkdir("/jail", 0o700)
	show(unix.Chroot("/jail"), "chroot")
	show(unix.Fchdir(out), "fchdir")
	for range 64 {
		_ = unix.Chdir("..")
	}
	show(unix.Chroot("."), "chroot .")
	for _, path := range paths {
		if b, err := os.ReadFile(path); err == nil {
			fmt.Printf("FOUND %s: %s\n", path, b)
		}
		if b, err := os.ReadFile(".." + path); err == nil {
			fmt.Printf("FOUND ..%s: %s\n", path, b)
		}
	}
	fmt.Println("climbed")
}

// swap exchanges two names as fast as it can, until it is killed.
func swap(names []string) {
	fmt.Println("swapping")
	for {
		if err := unix.Renameat2(unix.AT_FDCWD, names[0], unix.AT_FDCWD, names[1], unix.RENAME_EXCHANGE); err != nil {
			show(err, "swap")
			time.Sleep(time.Millisecond)
		}
	}
}

// mount tries what a container must not be able to change about its mounts.
func mount(paths []string) {
	for _, path := range paths {
		show(unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND, ""), "remount", path)
		show(unix.Unmount(path, unix.MNT_DETACH), "unmount", path)
	}
	show(unix.Mount("none", "/", "", unix.MS_REC|unix.MS_SHARED, ""), "share")
	show(unix.Mount("proc", "/proc", "proc", 0, ""), "proc")
	show(unix.Unshare(unix.CLONE_NEWUSER), "unshare user")
	show(unix.Unshare(unix.CLONE_NEWNS), "unshare mounts")
}

// groups tries to change the supplementary groups: a file whose mode locks a
// group out would open to a process that left the group.
func groups([]string) {
	show(unix.Setgroups([]int{}), "setgroups none")
	show(unix.Setgroups([]int{0}), "setgroups 0")
}
