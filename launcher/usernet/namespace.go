package usernet

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/slirp/link"
)

// ErrOtherBase says that a network's members are in another base user namespace,
// where this process has no power over the network. That happens to two containers
// which were started at the same moment, when nothing of this user ran.
var ErrOtherBase = errors.New("the network's members run in another user namespace")

// holder says by which descriptor of which process a namespace can be had. It counts
// only if it is that process still, and that very namespace.
type holder struct {
	PID   int
	Start string // containers.StartTime
	FD    int
	// Dev and Ino are the namespace's, PIDs is the pid namespace in which PID counts.
	Dev, Ino, PIDs uint64
}

// hold describes this process's descriptor of a namespace.
func hold(ns int) (h holder, err error) {
	var st, pids unix.Stat_t
	if err := unix.Fstat(ns, &st); err != nil {
		return h, err
	}
	if err := unix.Stat("/proc/self/ns/pid", &pids); err != nil {
		return h, err
	}
	pid := os.Getpid()
	return holder{PID: pid, Start: containers.StartTime(pid), FD: ns, Dev: st.Dev, Ino: st.Ino, PIDs: pids.Ino}, nil
}

// open opens the namespace; not ok: the process is gone, or does not have it.
// Errors: [ErrOtherBase].
func (h *holder) open() (ns int, ok bool, err error) {
	var pids, st unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &pids) == nil && pids.Ino != h.PIDs {
		return -1, false, fmt.Errorf("%w, and in another pid namespace\n  fix: run the command where they were started", ErrOtherBase)
	}
	if containers.StartTime(h.PID) != h.Start {
		return -1, false, nil
	}
	// Looked at before it is opened: a descriptor of something else may block, or act.
	path := "/proc/" + strconv.Itoa(h.PID) + "/fd/" + strconv.Itoa(h.FD)
	same := func(err error) bool { return err == nil && st.Dev == h.Dev && st.Ino == h.Ino }
	if err = unix.Stat(path, &st); same(err) {
		ns, err = unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil && same(unix.Fstat(ns, &st)) {
			return ns, true, nil
		}
		if err == nil {
			unix.Close(ns)
		}
	}
	if err == unix.EACCES || err == unix.EPERM { // ptrace(2), PTRACE_MODE_READ_FSCREDS
		return -1, false, ErrOtherBase
	}
	return -1, false, nil
}

// bridgeName is the name of the bridge in a network's namespace.
const bridgeName = "br0"

// obtain opens the namespace of the living members, or makes one when nobody has one.
func obtain(living []Member, mtu int) (ns int, err error) {
	for i := range living {
		if ns, ok, err := living[i].Holder.open(); ok || err != nil {
			return ns, err
		}
	}
	return link.New(func(c *link.Conn) error {
		if err := c.AddBridge(link.Bridge{Name: bridgeName, MTU: mtu}); err != nil {
			return fmt.Errorf("cannot make a bridge: %w", err)
		}
		index, err := c.Index(bridgeName)
		if err != nil {
			return err
		}
		if err := errors.Join(c.Mute(index), c.NoForwarding(index), c.Up(index, 0)); err != nil {
			return fmt.Errorf("cannot switch the bridge on: %w", err)
		}
		return nil
	})
}
