package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// high are values for the upper half of a register that holds an int: the kernel
// does not look at it, a filter might.
var high = []uint64{0, 1 << 32, 1 << 63, 0xffffffff << 32}

// sockets tries families that containers have no business with, in every form.
func sockets([]string) {
	for _, family := range []uint64{unix.AF_ALG, unix.AF_VSOCK} {
		for _, h := range high {
			for _, kind := range []uint64{unix.SOCK_STREAM, unix.SOCK_SEQPACKET, unix.SOCK_DGRAM} {
				_, _, errno := unix.Syscall(unix.SYS_SOCKET, uintptr(h|family), uintptr(kind), 0)
				fmt.Printf("socket %#x: %s\n", h|family, answer(orNil(errno)))
			}
			_, _, errno := unix.Syscall6(unix.SYS_SOCKETPAIR, uintptr(h|family), unix.SOCK_STREAM, 0, uintptr(unsafe.Pointer(new([2]int32))), 0, 0)
			fmt.Printf("socketpair %#x: %s\n", h|family, answer(orNil(errno)))
		}
	}
	_, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	show(err, "ordinary socket:")
}

// typeInto types into the terminals among the standard descriptors.
func typeInto([]string) {
	for fd := range uintptr(3) {
		for _, request := range []uint64{unix.TIOCSTI, unix.TIOCLINUX} {
			for _, h := range high {
				text := []byte("X\n")
				if request == unix.TIOCLINUX {
					text = []byte{3} // paste the selection
				}
				_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(h|request), uintptr(unsafe.Pointer(&text[0])))
				fmt.Printf("ioctl %d %#x: %s\n", fd, h|request, answer(orNil(errno)))
			}
		}
	}
}

// terminals lists the ways to a terminal: through any of them what is typed there
// could be read.
func terminals([]string) {
	for fd := range 3 {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			fmt.Println("TERMINAL", fd)
		}
	}
	for _, path := range []string{"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "/dev/tty", "/dev/console", "/dev/pts/0", "/dev/pts/1", "/dev/pts/2"} {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			fmt.Println("TERMINAL", path)
		}
		unix.Close(fd)
	}
	fmt.Println("listed")
}

func orNil(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
