//go:build amd64 || arm64

package tape

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Fast tells whether [Start] exists on this architecture.
const Fast = true

// Clone says what kind of child [Start] makes.
type Clone struct {
	// Flags are CLONE_* flags of clone(2). CLONE_VM makes the child share this
	// process's memory until it executes a program: the cheapest child there
	// is, and one that must never be visible to hostile processes, which could
	// trace it and so read and write this process.
	Flags uint64
	// Errors is the write end of a pipe, close-on-exec: a failing child writes
	// one [Failure] to it and exits with status 126. End of file means that
	// the last operation replaced the program.
	Errors int
	// Pidfd, when not nil, receives a pidfd of the child.
	Pidfd *int
	// Cgroup, when not 0, is a descriptor of the version 2 cgroup that the child
	// begins in (CLONE_INTO_CGROUP, Linux 5.7): moving it later waits for every
	// processor. A new cgroup namespace would have this process's cgroup as its root.
	Cgroup int
}

// step is an Op as the assembly reads it. Keep in step with walk_*.s.
type step struct {
	nr       uintptr    // 0
	args     [6]uintptr // 8
	allow    [3]uintptr // 56: errno values, 0 for none
	positive uintptr    // 80
	into     *uintptr   // 88: addresses to store the result at, zero-terminated
	zeroSkip uintptr    // 96
}

// header is what the kernel and the child write to; it lives on the heap, which
// does not move.
type header struct {
	args    cloneArgs
	failure Failure
	pidfd   int32
}

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	Flags, Pidfd, ChildTid, ParentTid, ExitSignal, Stack, StackSize, TLS, SetTid, SetTidSize, Cgroup uint64
}

// endOfTape is the number that ends a list of steps: the child exits with 0.
const endOfTape = ^uintptr(0)

// Child is a child that [Start] made.
type Child struct {
	// Pid of the child in this process's pid namespace.
	Pid  int
	ops  []Op
	keep any
}

// Start clones a child that executes ops and returns at once. Results of
// earlier programs that ops use are read from slots; results that the child
// gets stay in the child. The child starts with every signal blocked and every
// handler at its default; a program that executes another must unblock them.
//
// The memory of ops must live until the child has executed a program or ended;
// keep the Child reachable ([Child.Release]) until then.
func Start(c Clone, ops []Op, slots *Slots) (*Child, error) {
	steps, m, err := compile(ops, slots)
	if err != nil {
		return nil, err
	}
	h := &header{args: cloneArgs{Flags: c.Flags | cloneClearSighand, ExitSignal: uint64(unix.SIGCHLD)}, pidfd: -1}
	if c.Pidfd != nil {
		h.args.Flags |= unix.CLONE_PIDFD
		h.args.Pidfd = uint64(uintptr(unsafe.Pointer(&h.pidfd)))
	}
	if c.Cgroup != 0 {
		h.args.Flags |= cloneIntoCgroup
		h.args.Cgroup = uint64(c.Cgroup)
	}
	child := &Child{ops: ops, keep: []any{h, steps, m}}
	r := clone3(unsafe.Pointer(&h.args), unsafe.Sizeof(h.args), unsafe.Pointer(&steps[0]), unsafe.Pointer(&h.failure), uintptr(c.Errors))
	if r < 0 {
		return nil, fmt.Errorf("clone3: %w", unix.Errno(-r))
	}
	if c.Pidfd != nil {
		*c.Pidfd = int(h.pidfd)
	}
	child.Pid = int(r)
	return child, nil
}

// Release marks the end of the child's use of this process's memory.
func (c *Child) Release() { runtime.KeepAlive(c.keep) }

// Failed turns what was read from the error pipe into an error: nil for
// nothing read.
func (c *Child) Failed(report []byte) error { return Failed(c.ops, report) }

// cloneClearSighand resets signal handlers in the child (clone3(2), Linux 5.5);
// x/sys/unix has the flag as a constant that does not fit an int on 32 bits.
const cloneClearSighand = 0x100000000

// cloneIntoCgroup is CLONE_INTO_CGROUP; see cloneClearSighand.
const cloneIntoCgroup = 0x200000000

//go:noescape
func clone3(args unsafe.Pointer, size uintptr, steps, failure unsafe.Pointer, errfd uintptr) int64

// compile lays ops out for the assembly. Results are stored by address into
// every argument that uses them, so the walker needs no table of slots.
func compile(ops []Op, slots *Slots) ([]step, *memory, error) {
	m := &memory{keep: make([][]uintptr, 0, 2*len(ops))}
	steps := make([]step, len(ops)+1)
	made := make(map[Slot]bool)
	uses := make(map[Slot][]*uintptr)
	for i := range ops {
		op, s := &ops[i], &steps[i]
		use := func(at *uintptr, slot Slot) {
			*at = slots[slot]
			if made[slot] {
				*at = ^uintptr(0)
				uses[slot] = append(uses[slot], at)
			}
		}
		s.nr = calls[op.Call].nr
		for j, arg := range op.Args {
			switch {
			case arg.Blob != nil:
				s.args[j] = m.place(arg.Blob, use)
			case arg.Slot != 0:
				use(&s.args[j], arg.Slot)
			default:
				s.args[j] = uintptr(arg.Num)
			}
		}
		if len(op.Allow) > len(s.allow) {
			return nil, nil, errors.New("tape: an operation allows more than three errors")
		}
		for j, e := range op.Allow {
			s.allow[j] = uintptr(e)
		}
		if op.Positive {
			s.positive = 1
		}
		if op.ZeroSkip < 0 || i+op.ZeroSkip >= len(ops) {
			return nil, nil, errors.New("tape: an operation skips past the end")
		}
		s.zeroSkip = uintptr(op.ZeroSkip)
		if op.Into != 0 {
			if made[op.Into] {
				return nil, nil, fmt.Errorf("tape: slot %d is filled twice", op.Into)
			}
			made[op.Into] = true
		}
	}
	steps[len(ops)].nr = endOfTape
	for i := range ops {
		if u := uses[ops[i].Into]; ops[i].Into != 0 && len(u) > 0 {
			list := make([]uintptr, len(u)+1)
			for j, at := range u {
				list[j] = uintptr(unsafe.Pointer(at))
			}
			m.keep = append(m.keep, list)
			steps[i].into = &list[0]
		}
	}
	return steps, m, nil
}
