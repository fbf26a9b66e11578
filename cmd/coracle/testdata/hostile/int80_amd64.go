package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// int80 makes i386 calls, of which another table of the kernel decides:
// getpid, socket(AF_ALG), and socket(AF_VSOCK) by socketcall(2), whose arguments
// must lie in the lower half of memory.
func int80(args []string) {
	if len(args) == 0 {
		args = []string{"getpid", "socket", "socketcall"}
	}
	low, err := unix.MmapPtr(-1, 0, nil, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_32BIT)
	show(err, "mmap")
	for _, a := range args {
		fmt.Println("calling", a)
		var r int32
		switch a {
		case "getpid":
			r = call80(20, 0, 0, 0)
		case "socket":
			r = call80(359, unix.AF_ALG, unix.SOCK_SEQPACKET, 0)
		case "socketcall":
			*(*[3]uint32)(low) = [3]uint32{unix.AF_VSOCK, unix.SOCK_STREAM, 0}
			r = call80(102, 1, uint32(uintptr(unsafe.Pointer(low))), 0)
		}
		fmt.Println("ANSWERED", a, r)
	}
}

// call80 is int $0x80.
func call80(number, a, b, c uint32) int32
