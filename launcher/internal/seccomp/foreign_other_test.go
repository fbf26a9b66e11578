//go:build !amd64

package seccomp

// callForeign is not to be had: most arm64 machines cannot run 32-bit code, and a Go program cannot
// switch to it.
func callForeign() int32 { return -1 }
