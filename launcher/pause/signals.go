package pause

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/processes"
)

// stopWait bounds how long it may take until all processes of a container stand.
const stopWait = 10 * time.Second

// stop stops a container without a freezer: every process of its pid namespace,
// and of those below, is sent SIGSTOP, until none is found that goes on.
//
// Parents first, so that no shell sees its children stop, nor ends while they
// stand: the kernel sends SIGHUP to stopped processes that such an end leaves alone
// (setpgid(2)). They go on in the opposite order.
func stop(set containers.Set, c *containers.Container) error {
	ns, err := ownNamespace(set, c)
	if err != nil {
		return err
	}
	family, err := familyOf(ns)
	if err != nil {
		return err
	}
	var p containers.Pause
	if old, ok := c.ReadPause(); ok {
		p = old // an interrupted one: what stands now is its doing
	} else {
		for _, m := range family {
			if m.state == "T" {
				p.Stood = append(p.Stood, containers.Process{PID: m.pid, Start: m.start})
			}
		}
	}
	p.Complete, p.Freezer = false, ""
	if err := c.WritePause(p); err != nil {
		return err
	}
	for _, m := range family {
		if err = signal(m.pid, ns, unix.SIGSTOP); err != nil {
			break
		}
	}
	if err == nil {
		err = stand(ns)
	}
	if err == nil {
		p.Complete = true
		err = c.WritePause(p)
	}
	if err != nil {
		p.Complete = false
		return errors.Join(fmt.Errorf("cannot pause container %s: %w", c.Name, err), release(c, p))
	}
	return nil
}

// stand waits until all processes stand, and stops those that were forked
// meanwhile. Two looks in a row have to find the same: while one is taken, a
// process that it has not come to may fork another that it has passed.
func stand(ns uint64) error {
	var before []int
	pause := 100 * time.Microsecond
	for deadline := time.Now().Add(stopWait); ; pause = min(2*pause, 5*time.Millisecond) {
		found, err := processes.Members(ns)
		if err != nil {
			return err
		}
		now := found[ns]
		var going []int
		for _, pid := range slices.Backward(now) { // the newest first: it may be about to fork, and end
			if !processes.Stopped(pid) {
				going = append(going, pid)
				if err := signal(pid, ns, unix.SIGSTOP); err != nil {
					return err
				}
			}
		}
		if len(going) == 0 && slices.Equal(now, before) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of its processes did not stop within %v: they wait for the kernel, or there are ever new ones", len(going), stopWait)
		}
		before = now
		if len(going) > 0 {
			before = nil
			time.Sleep(pause)
		}
	}
}

// resume sends SIGCONT to all processes but those that stood before.
func resume(c *containers.Container, p containers.Pause) error {
	ns := processes.Namespace(c.PID)
	if ns == 0 || ns == processes.Namespace(0) {
		return nil // it has ended
	}
	family, err := familyOf(ns)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(family) {
		if slices.Contains(p.Stood, containers.Process{PID: m.pid, Start: m.start}) {
			continue
		}
		if err := signal(m.pid, ns, unix.SIGCONT); err != nil {
			return err
		}
	}
	return nil
}

// signal sends a signal to a process of the pid namespace. The pid of one that has
// ended may be another's by now: what the descriptor holds is looked at again.
func signal(pid int, ns uint64, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH || err == unix.EINVAL {
		return nil // it has ended, or it is a thread by now
	}
	if err != nil {
		return fmt.Errorf("cannot open process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if !processes.Within(pid, ns) {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && err != unix.ESRCH {
		return fmt.Errorf("cannot signal process %d: %w", pid, err)
	}
	return nil
}

// ownNamespace is the pid namespace of a container that shares it with nobody.
func ownNamespace(set containers.Set, c *containers.Container) (uint64, error) {
	ns := processes.Namespace(c.PID)
	shared := func(with string) error {
		return fmt.Errorf("%w: %s has no control group of its own, and its processes are in the pid namespace of %s\n  fix: coracle doctor   (what a control group needs here), or do without --pid", ErrShared, c.Name, with)
	}
	switch ns {
	case 0:
		return 0, fmt.Errorf("cannot pause container %s: cannot tell its pid namespace", c.Name)
	case processes.Namespace(0):
		return 0, shared("the host")
	}
	list, err := set.List()
	if err != nil {
		return 0, err
	}
	for _, other := range list {
		if other.ID != c.ID && other.PID != 0 && processes.Namespace(other.PID) == ns {
			return 0, shared("container " + other.Name)
		}
	}
	return ns, nil
}
