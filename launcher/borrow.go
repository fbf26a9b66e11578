package launcher

import (
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// borrow runs the part of the plan that fetches a mount from another container:
// in a child, because a process with threads cannot change its mount namespace.
func (s *supervisor) borrow() error {
	if len(s.req.Plan.Borrow) == 0 {
		return nil
	}
	var failed [2]int
	if err := unix.Pipe2(failed[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot make a socket pair: %w", err)
	}
	s.slots[plan.Console] = uintptr(pair[1])
	child, err := tape.Start(tape.Clone{Errors: failed[1]}, s.req.Plan.Borrow, s.slots)
	unix.Close(failed[1])
	if err != nil {
		return err
	}
	report := make([]byte, tape.FailureSize)
	var n int
	_ = retry(func() (err error) { n, err = unix.Read(failed[0], report); return err })
	_ = retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
	child.Release()
	if err := child.Failed(report[:max(n, 0)]); err != nil {
		return explain(err)
	}
	s.slots[plan.Borrowed] = uintptr(receiveFD(pair[0]))
	closeAll([]int{failed[0], pair[0], pair[1]})
	return nil
}

// receiveFD takes a descriptor that a child sent, or returns -1.
func receiveFD(sock int) int {
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(sock, b, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1
	}
	if fds := rights(oob[:n]); len(fds) == 1 {
		return fds[0]
	}
	return -1
}
