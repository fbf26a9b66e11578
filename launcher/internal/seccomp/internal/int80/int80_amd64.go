// Package int80 makes i386 system calls from an amd64 program, for tests that hold a seccomp filter
// to refusing them. Nothing but tests imports it.
package int80

// Call makes an i386 call by its i386 number, without arguments. On a kernel without i386 emulation
// it is a segmentation fault.
func Call(number uint32) int32
