package tape

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Failure is what a failing child writes to its error pipe: two words in the
// machine's order.
type Failure struct {
	Index uint64
	Errno uint64
}

// FailureSize is the size of a [Failure] on the pipe, in bytes.
const FailureSize = int(unsafe.Sizeof(Failure{}))

// Failed turns what was read from an error pipe into an [*OpError] of ops; nil
// for nothing read.
func Failed(ops []Op, report []byte) error {
	if len(report) < FailureSize {
		return nil
	}
	var f Failure
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&f)), FailureSize), report)
	if f.Index >= uint64(len(ops)) {
		return unix.Errno(f.Errno)
	}
	return &OpError{Index: int(f.Index), Op: ops[f.Index], Errno: unix.Errno(f.Errno)}
}

// Report is the bytes of a failure as the assembly writes them, for the
// portable executor.
func Report(e *OpError) []byte {
	f := Failure{Index: uint64(e.Index), Errno: uint64(e.Errno)}
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&f)), FailureSize)...)
}
