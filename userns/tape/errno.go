package tape

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func errnoName(e unix.Errno) string {
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return e.Error()
}

// OpError is the failure of one operation.
type OpError struct {
	// Index is the operation's place in its program.
	Index int
	Op    Op
	Errno unix.Errno
}

func (e *OpError) Error() string {
	return fmt.Sprintf("%s (%s): %v", e.Op, e.Op.Why, e.Errno)
}

// Unwrap makes errors.Is(err, unix.ENOENT) work.
func (e *OpError) Unwrap() error { return e.Errno }
