package launcher

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"coracle/userns/tape"
)

// VisitName is the argv[0] of the helper of [Visit.Run]. It is this program on a
// mount that nobody can write to: what it becomes may be a hostile image's
// (CVE-2019-5736).
const VisitName = "coracle-ns"

// VisitMain is the main function of [VisitName]. It returns the exit status of the
// process, which nobody reads.
func VisitMain() int {
	runtime.LockOSThread() // the parent-death signal of the child follows the thread
	const control = 3
	unix.CloseOnExec(control)
	c := conn{os.NewFile(control, "control")}
	k, payload, fds, err := c.receiveAtMost(maxRequest)
	if err == nil && k == msgExec {
		err = serveVisit(c, payload, fds)
	}
	if err != nil {
		_ = c.send(msgFailed, failureOf(err))
		return ExitFailed
	}
	return 0
}

// serveVisit starts the command and stays with it: version, pid, types to enter,
// operations; descriptors as [Visit.descriptors] has them, and the process's.
func serveVisit(c conn, payload []byte, fds []int) error {
	defer func() { closeAll(fds) }()
	const head = 1 + 4 + 4
	if len(payload) < head || payload[0] != controlVersion || len(fds) < 4 || len(fds) > 5 {
		return errRequest
	}
	ops, rest, err := tape.Decode(payload[head:])
	if err != nil || len(rest) > 0 {
		return errRequest
	}
	last := len(fds) - 1
	flags := uintptr(binary.BigEndian.Uint32(payload[5:]))
	r := &resident{supervisor: &supervisor{pid: int(binary.BigEndian.Uint32(payload[1:])), pidfd: fds[last]}, enters: &flags}
	pid, pidfd, _, err := r.join(ops, fds[:3])
	if err != nil {
		return err
	}
	started := []int{pidfd}
	if last > 3 {
		started = append(started, fds[3])
	}
	_ = c.send(msgStarted, be32(pid), started...)
	// The caller was killed. The command must not become another process's child,
	// which may not wait for it: its pid namespace does not end before that.
	over := make(chan os.Signal, 1)
	signal.Notify(over, unix.SIGTERM)
	go func() {
		<-over
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}()
	closeAll(fds) // a pipe must end when the command lets go of it
	fds = nil
	var ws unix.WaitStatus
	if err := retry(func() error { _, err := unix.Wait4(pid, &ws, 0, nil); return err }); err != nil {
		return fmt.Errorf("wait for process %d: %w", pid, err)
	}
	_ = c.send(msgExited, []byte{byte(exitStatus(ws))})
	return nil
}

// newTerminal makes a terminal of the host's, as large as the caller's.
func newTerminal() (master, slave *os.File, err error) {
	m, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	master = os.NewFile(uintptr(m), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(m, unix.TIOCSPTLCK, 0); err != nil {
		master.Close()
		return nil, nil, fmt.Errorf("cannot unlock a terminal: %w", err)
	}
	s, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(m), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		master.Close()
		return nil, nil, fmt.Errorf("cannot open a terminal's other end: %w", e)
	}
	return master, os.NewFile(s, "terminal"), nil
}
