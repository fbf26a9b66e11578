package launcher

import (
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// take puts the request's descriptors into their slots. Those that the command
// gets, and what is used after they are in place, move above them.
func (s *supervisor) take(fds []int) error {
	next := 0
	get := func() uintptr {
		if next++; next > len(fds) {
			return ^uintptr(0)
		}
		return uintptr(fds[next-1])
	}
	s.lock = int(get()) // held for as long as this process lives
	for i := range s.req.Plan.Joins {
		s.slots[plan.JoinFirst+tape.Slot(i)] = get()
	}
	if s.req.Shifted {
		get() // that lock, too, is only to be held
	}
	if s.req.Gate {
		s.gate = int(get())
	}
	for range s.req.Held {
		get()
	}
	for i := range s.req.Preserve {
		s.slots[plan.KeepFirst+tape.Slot(i)] = high(get())
	}
	if s.req.Init {
		s.slots[plan.Init] = high(get())
	}
	if next != len(fds) {
		return fmt.Errorf("%w: %d descriptors instead of %d", errRequest, len(fds), next)
	}
	return nil
}

// high moves a descriptor above all that a command may be given.
func high(fd uintptr) uintptr {
	n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3+plan.MaxKeep)
	if err != nil {
		return fd
	}
	unix.Close(int(fd))
	return uintptr(n)
}
