package launcher

import (
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// release lets go of what one run of the container had, so that another can
// have it.
func (s *supervisor) release() {
	if o := s.output.Load(); o != nil {
		o.drain()
	}
	s.mu.Lock()
	s.dormant = true
	if s.output.Load() == nil && s.tty >= 0 { // else its pump closes it
		unix.Close(s.tty)
	}
	if s.pidfd >= 0 {
		unix.Close(s.pidfd)
	}
	s.pid, s.pidfd, s.tty = 0, -1, -1
	s.mu.Unlock()
	for _, m := range s.req.Mounts {
		_ = unix.Unmount(m, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	s.stopServers()
	for slot := range made(s.req.Plan.Host) {
		s.closeSlot(slot)
	}
	s.closeSlot(plan.Borrowed)
}

// made are the slots that hold descriptors when ops have been executed.
func made(ops []tape.Op) map[tape.Slot]bool {
	open := make(map[tape.Slot]bool)
	for _, op := range ops {
		if op.Into != 0 {
			open[op.Into] = true
		}
		if op.Call == tape.Close && len(op.Args) > 0 {
			delete(open, op.Args[0].Slot)
		}
	}
	return open
}

// closeSlot closes what is in a slot, if anything is.
func (s *supervisor) closeSlot(slot tape.Slot) {
	if fd := s.slots[slot]; fd != ^uintptr(0) {
		unix.Close(int(fd))
		s.slots[slot] = ^uintptr(0)
	}
}

func (s *supervisor) replaceJoin(i, fd int) {
	s.closeSlot(plan.JoinFirst + tape.Slot(i))
	s.slots[plan.JoinFirst+tape.Slot(i)] = uintptr(fd)
}

// openNamespace opens a namespace of a container that runs.
func openNamespace(set containers.Set, id string, kind nsType) (int, error) {
	x, err := set.Find(id)
	if err != nil {
		return -1, err
	}
	if x.PID == 0 {
		return -1, ErrNotRunning
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", x.PID, nsFiles[kind]), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil && containers.StartTime(x.PID) != x.Start {
		unix.Close(fd)
		err = ErrNotRunning
	}
	return fd, err
}

// relaunch executes the plan once more. After an error nothing runs.
func (s *supervisor) relaunch() error {
	if err := s.rejoin(); err != nil {
		return err
	}
	if err := s.borrow(); err != nil {
		return err
	}
	if err := tape.Run(s.req.Plan.Host, s.slots); err != nil {
		return explain(err)
	}
	s.restoreStdio()
	if o := s.output.Load(); o != nil {
		if err := o.redirect(s.req.Interactive); err != nil {
			return err
		}
	}
	if err := s.startServers(); err != nil {
		return err
	}
	if err := s.takePorts(); err != nil {
		return err
	}
	err := s.start()
	if err != nil && s.pid > 0 {
		killChild(s.pid)
	}
	return err
}

// keepStdio keeps the caller's standard descriptors for the next run. Without a
// restart policy nobody does: a pipe must end when the container ends.
func (s *supervisor) keepStdio() {
	if !s.mayRestart() || s.req.Detach && !s.req.Follow || s.again.stdio != nil {
		return
	}
	for fd := range 3 {
		if fd > 0 && s.req.Follow {
			break // these are pipes, which output makes anew
		}
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3+plan.MaxKeep)
		if err != nil {
			n = -1
		}
		s.again.stdio = append(s.again.stdio, n)
	}
}

// restoreStdio makes them this process's again, for the container to inherit.
func (s *supervisor) restoreStdio() {
	for fd, n := range s.again.stdio {
		if n >= 0 {
			_ = unix.Dup3(n, fd, 0)
		}
	}
}

// dropStdio lets go of them.
func (s *supervisor) dropStdio() {
	for _, n := range s.again.stdio {
		if n >= 0 {
			unix.Close(n)
		}
	}
	s.again.stdio = nil
}
