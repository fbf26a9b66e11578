package stack

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of the data path do not block, and are made without a word to
// the scheduler of the Go runtime, which would let another thread take this one's
// place (runtime.entersyscall): that costs more than a short call itself.

// mostVecs bounds the pieces of one call: two headers' worth and 64 KiB of blocks.
const mostVecs = 8

func readNow(fd int, b []byte) (int, unix.Errno) {
	n, _, err := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), err
}

// sendNow gives bytes to a stream socket.
func sendNow(fd int, b []byte) (int, unix.Errno) {
	const flags = unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT
	n, _, err := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	return int(n), err
}

// vectorNow is readv(2) or writev(2). Pieces beyond mostVecs are left out.
func vectorNow(call uintptr, fd int, list [][]byte, vecs *[mostVecs]unix.Iovec) (int, unix.Errno) {
	k := 0
	for _, b := range list {
		if len(b) > 0 && k < len(vecs) {
			vecs[k].Base = unsafe.SliceData(b)
			vecs[k].SetLen(len(b))
			k++
		}
	}
	n, _, err := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(vecs)), uintptr(k))
	return int(n), err
}
