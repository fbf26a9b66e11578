//go:build !amd64 && !arm64

package tape

import "errors"

// Fast tells whether [Start] exists on this architecture.
const Fast = false

// Clone says what kind of child [Start] makes.
type Clone struct {
	Flags  uint64
	Errors int
	Pidfd  *int
	Cgroup int
}

// Child is a child that [Start] made.
type Child struct{ Pid int }

// Start is not available here: use a re-executed process and [Run].
func Start(Clone, []Op, *Slots) (*Child, error) {
	return nil, errors.ErrUnsupported
}

// Release does nothing.
func (*Child) Release() {}

// Failed does nothing.
func (*Child) Failed([]byte) error { return nil }
