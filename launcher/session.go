package launcher

import (
	"errors"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// cloneFlags are the clone flags of namespaces, by [containers.NamespaceTypes].
var cloneFlags = map[string]uintptr{
	"user": unix.CLONE_NEWUSER, "ipc": unix.CLONE_NEWIPC, "uts": unix.CLONE_NEWUTS, "net": unix.CLONE_NEWNET,
	"pid": unix.CLONE_NEWPID, "cgroup": unix.CLONE_NEWCGROUP, "time": unix.CLONE_NEWTIME, "mnt": unix.CLONE_NEWNS,
}

// foreign are the flags of the namespaces in which process pid is and this
// process is not: joining one's own user namespace is an error (setns(2)).
func foreign(pid int) (flags uintptr) {
	own := containers.Namespaces(0)
	for kind, inode := range containers.Namespaces(pid) {
		if mine, known := own[kind]; known && mine != inode {
			flags |= cloneFlags[kind]
		}
	}
	return flags
}

// exec starts one more process in the container and stays with it until it has
// ended. The payload is the operations it executes, made by the client with
// package plan; the descriptors are its standard ones, and those to preserve.
//
// The process is a child of the thread that clones it, and dies with it: the
// thread is kept for it alone.
func (r *resident) exec(c conn, payload []byte, fds []int) error {
	defer func() { closeAll(fds) }()
	ops, rest, err := tape.Decode(payload)
	if err != nil || len(rest) > 0 || len(fds) < 3 || len(fds) > 3+plan.MaxKeep {
		return errRequest
	}
	r.sessions.Add(1)
	defer r.sessions.Done()
	select {
	case <-r.ended:
		return errEnding
	default:
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
	var pid, pidfd, tty int
	err = r.inside(func() (err error) {
		pid, pidfd, tty, err = r.join(ops, fds)
		return err
	})
	if err != nil {
		return err
	}
	closeAll(fds) // a pipe must end when the process lets go of it
	fds = nil
	started := []int{pidfd}
	if tty >= 0 {
		started = append(started, tty)
	}
	_ = c.send(msgStarted, be32(pid), started...)
	unix.Close(pidfd)
	if tty >= 0 {
		go drainWithout(c, tty)
	}
	r.event(events.Exec, func(e *events.Event) { e.Attributes["pid"] = strconv.Itoa(pid) })
	var ws unix.WaitStatus
	for {
		if got, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR && (err != nil || got == pid) {
			break
		}
	}
	status := exitStatus(ws)
	r.event(events.ExecDied, func(e *events.Event) { e.Attributes["pid"], e.ExitCode = strconv.Itoa(pid), &status })
	_ = c.send(msgExited, []byte{byte(status)})
	return nil
}

// join clones the process and waits until it has become its command.
func (r *resident) join(ops []tape.Op, fds []int) (pid, pidfd, tty int, err error) {
	if r.enters == nil { // else it is no part of the container
		release, err := r.unpaused()
		if err != nil {
			return 0, -1, -1, err
		}
		defer release()
	}
	slots := tape.NewSlots()
	b, err := newBirth(slots)
	if err != nil {
		return 0, -1, -1, err
	}
	defer b.close()
	slots[plan.Container] = uintptr(r.pidfd)
	root := "/proc/" + strconv.Itoa(r.pid) + "/root"
	if r.enters == nil {
		slots[plan.Namespaces] = foreign(r.pid)
	} else if slots[plan.Namespaces] = *r.enters; *r.enters&unix.CLONE_NEWNS == 0 {
		root = "/"
	}
	for i, fd := range fds {
		if i < 3 {
			slots[plan.Stdin+tape.Slot(i)] = uintptr(fd)
		} else {
			slots[plan.KeepFirst+tape.Slot(i-3)] = high(uintptr(fd))
			fds[i] = int(slots[plan.KeepFirst+tape.Slot(i-3)])
		}
	}
	leave, err := r.group.VisitThread()
	if err != nil {
		return 0, -1, -1, err
	}
	c := tape.Clone{Errors: b.failed[1], Cgroup: r.groupFD()}
	first, err := tape.Start(c, ops, slots)
	if errors.Is(err, unix.EBUSY) && c.Cgroup != 0 {
		// systemd inside has divided the cgroup among others, so that it takes no process
		// of its own any more (cgroups(7)): that of the first process does.
		if c.Cgroup = r.firstGroupFD(); c.Cgroup >= 0 {
			first, err = tape.Start(c, ops, slots)
			unix.Close(c.Cgroup)
		}
	}
	leave()
	if err != nil {
		return 0, -1, -1, err
	}
	b.cloned()
	pid, ok := b.child()
	if ok {
		// It may fail and end at any time, but as a child its pid is its own until waited for.
		if pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
			ok = false
		}
	}
	report := b.report()
	reap(first.Pid)
	first.Release()
	if err := tape.Failed(ops, report); err != nil {
		if ok {
			unix.Close(pidfd)
			reap(pid)
		}
		var oe *tape.OpError
		if errors.As(err, &oe) && oe.Op.Call == tape.Setns && (oe.Errno == unix.ESRCH || slots[plan.Namespaces] == 0) {
			err = errEnding // its first process has no namespaces any more
		} else if oe != nil && oe.Op.Call == tape.Fork && oe.Errno == unix.ENOMEM && containers.Ended(r.pid) {
			err = errEnding
		}
		return 0, -1, -1, explainCommand(ops, root, err)
	}
	if !ok {
		return 0, -1, -1, os.ErrProcessDone
	}
	return pid, pidfd, receiveFD(b.console[0]), nil
}

func reap(pid int) {
	_ = retry(func() error { _, err := unix.Wait4(pid, nil, 0, nil); return err })
}

// drainWithout reads and drops a terminal's output once the client is gone, so
// that the process does not stop at a full terminal.
func drainWithout(c conn, tty int) {
	defer unix.Close(tty)
	if _, _, _, err := c.receive(); err == nil {
		return
	}
	b := make([]byte, 4096)
	for {
		if n, err := unix.Read(tty, b); err != unix.EINTR && (err != nil || n == 0) {
			return
		}
	}
}
