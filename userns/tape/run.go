package tape

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Slots holds results by slot. The zero value is not ready: use [NewSlots].
type Slots [MaxSlots]uintptr

// NewSlots returns slots that all read as -1.
func NewSlots() *Slots {
	s := new(Slots)
	for i := range s {
		s[i] = ^uintptr(0)
	}
	return s
}

// Run executes ops one after the other on the calling thread, which the caller
// has locked when the operations are about the thread, and stores results in
// slots. It stops at the first error that the operation does not allow and
// returns it as an [*OpError]. An operation that forks is refused: a Go program
// cannot be duplicated.
func Run(ops []Op, slots *Slots) error {
	for i := 0; i < len(ops); i++ {
		if ops[i].Call == Fork {
			return &OpError{Index: i, Op: ops[i], Errno: unix.ENOTSUP}
		}
		r, err := runOne(i, &ops[i], slots)
		if err != nil {
			return err
		}
		if r == 0 {
			i += ops[i].ZeroSkip
		}
	}
	return nil
}

func runOne(i int, op *Op, slots *Slots) (uintptr, error) {
	var m memory
	var a [6]uintptr
	for j, arg := range op.Args {
		switch {
		case arg.Blob != nil:
			a[j] = m.place(arg.Blob, func(at *uintptr, s Slot) { *at = slots[s] })
		case arg.Slot != 0:
			a[j] = slots[arg.Slot]
		default:
			a[j] = uintptr(arg.Num)
		}
	}
	r, _, e := unix.RawSyscall6(calls[op.Call].nr, a[0], a[1], a[2], a[3], a[4], a[5])
	for e == unix.EINTR {
		r, _, e = unix.RawSyscall6(calls[op.Call].nr, a[0], a[1], a[2], a[3], a[4], a[5])
	}
	runtime.KeepAlive(m)
	switch {
	case e == 0 && op.Positive && r == 0:
		return 0, &OpError{Index: i, Op: *op, Errno: unix.ECANCELED}
	case e == 0:
		if r != 0 || op.ZeroSkip == 0 { // as the assembly does it
			slots[op.Into] = r
		}
		return r, nil
	case !allowed(op, e):
		return 0, &OpError{Index: i, Op: *op, Errno: e}
	}
	return ^uintptr(0), nil
}

func allowed(op *Op, e unix.Errno) bool {
	for _, x := range op.Allow {
		if x == e {
			return true
		}
	}
	return false
}

// memory keeps what system calls point at alive and where it is. Go's
// collector does not move the heap, so addresses taken here stay true while
// the memory is reachable.
type memory struct{ keep [][]uintptr }

// place copies b and what it points at into fresh word-aligned memory and returns
// its address. fill is called for every word that holds a slot.
func (m *memory) place(b *Blob, fill func(at *uintptr, s Slot)) uintptr {
	w := make([]uintptr, (len(b.Data)+7)/8+1)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), len(w)*8), b.Data)
	m.keep = append(m.keep, w)
	for _, r := range b.Refs {
		at := &w[r.Off/8]
		if r.Blob != nil {
			*at = m.place(r.Blob, fill)
		} else {
			fill(at, r.Slot)
		}
	}
	return uintptr(unsafe.Pointer(&w[0]))
}
