package launcher

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// birth is what stands between the supervisor and a process that it makes until
// that process has become its command. Of each pair, the second end is the
// process's, but for sync.
type birth struct {
	sync    [2]int // its end says that the supervisor died; a byte, that the id maps are written
	failed  [2]int // a tape.Failure, or the end when the command was executed
	pid     [2]int // the pid of a child that takes the process's place
	console [2]int // the master of its terminal
}

// newBirth makes the pairs and puts the process's ends into their slots.
func newBirth(slots *tape.Slots) (*birth, error) {
	b := &birth{}
	for _, p := range []*[2]int{&b.sync, &b.failed, &b.pid, &b.console} {
		p[0], p[1] = -1, -1
	}
	for _, p := range []*[2]int{&b.sync, &b.failed, &b.pid} {
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			b.close()
			return nil, fmt.Errorf("cannot make a pipe: %w", err)
		}
	}
	var err error
	if b.console, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		b.close()
		return nil, fmt.Errorf("cannot make a socket pair: %w", err)
	}
	b.failed[1] = int(high(uintptr(b.failed[1])))
	slots[plan.SyncRead], slots[plan.SyncWrite] = uintptr(b.sync[0]), uintptr(b.sync[1])
	slots[plan.Console], slots[plan.Pid] = uintptr(b.console[1]), uintptr(b.pid[1])
	return b, nil
}

// goOn lets the process take its next step, which it waits to be told of.
func (b *birth) goOn() error {
	if _, err := unix.Write(b.sync[1], []byte{1}); err != nil {
		return fmt.Errorf("cannot tell the container to go on: %w", err)
	}
	return nil
}

// cloned closes what the process has now.
func (b *birth) cloned() {
	for _, fd := range []*int{&b.sync[0], &b.failed[1], &b.pid[1], &b.console[1]} {
		unix.Close(*fd)
		*fd = -1
	}
}

// child waits for the pid of the child that takes the process's place; not ok
// when the process failed before.
func (b *birth) child() (pid int, ok bool) {
	buf := make([]byte, 8)
	var n int
	_ = retry(func() (err error) { n, err = unix.Read(b.pid[0], buf); return err })
	return int(binary.NativeEndian.Uint64(buf)), n == len(buf)
}

// report waits until the process has failed, and returns how, or has executed
// the command, and returns nothing.
func (b *birth) report() []byte {
	report := make([]byte, tape.FailureSize)
	var n int
	_ = retry(func() (err error) { n, err = unix.Read(b.failed[0], report); return err })
	return report[:max(n, 0)]
}

func (b *birth) close() {
	for _, p := range [][2]int{b.sync, b.failed, b.pid, b.console} {
		for _, fd := range p {
			if fd >= 0 {
				unix.Close(fd)
			}
		}
	}
}
