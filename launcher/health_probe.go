package launcher

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/pause"
	"coracle/userns/tape"
)

// probe runs a check in the container and returns its exit status, -1 when it
// took too long, and the beginning of what it wrote.
func (r *resident) probe(ops []tape.Op, timeout time.Duration, size int) (status int, output string, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return ExitFailed, "", fmt.Errorf("cannot make a pipe: %w", err)
	}
	_ = unix.SetNonblock(p[0], true) // to be interrupted, see below
	said := &excerpt{from: os.NewFile(uintptr(p[0]), "output"), most: size, done: make(chan struct{})}
	go said.read()
	ended := make(chan error, 1)
	started := make(chan int, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the process dies with the thread, and the thread with this
		ended <- r.probeHere(ops, p[1], started, &status)
	}()
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	late := false
	var pidfd int
	select {
	case pidfd = <-started:
		defer unix.Close(pidfd)
		select {
		case err = <-ended:
		case <-limit.C:
			late = true
			_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
			err = <-ended
		}
	case err = <-ended:
	}
	output = said.end()
	switch {
	case late:
		return -1, output + fmt.Sprintf("the check took longer than %v", timeout), nil
	case errors.Is(err, errRestarting), errors.Is(err, pause.ErrPaused):
		return ExitFailed, "", err
	case err != nil:
		return statusOf(err), err.Error(), nil
	}
	return status, output, nil
}

// probeHere starts the process as a child of this thread, sends a pidfd of it, and
// waits for its end. It closes out.
func (r *resident) probeHere(ops []tape.Op, out int, started chan<- int, status *int) error {
	defer func() { closeAll([]int{out}) }()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/dev/null", Err: err}
	}
	defer unix.Close(null)
	var pid, pidfd int
	err = r.inside(func() (err error) {
		pid, pidfd, _, err = r.join(ops, []int{null, out, out})
		return err
	})
	if err != nil {
		return err
	}
	started <- pidfd
	var ws unix.WaitStatus
	for {
		if got, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR && (err != nil || got == pid) {
			break
		}
	}
	*status = exitStatus(ws)
	return nil
}

// excerpt is the beginning of what a process writes. The rest is read, too: it
// shall not be held up.
type excerpt struct {
	from *os.File
	most int // 0: all
	text []byte
	done chan struct{}
}

// maxExcerpt bounds what is kept where no bound was asked for, in bytes.
const maxExcerpt = 64 << 10

func (e *excerpt) read() {
	defer close(e.done)
	b := make([]byte, 4096)
	for {
		n, err := e.from.Read(b)
		e.take(b[:n])
		if err != nil || n == 0 {
			return
		}
	}
}

func (e *excerpt) take(b []byte) {
	most := maxExcerpt
	if e.most > 0 {
		most = min(e.most, most)
	}
	e.text = append(e.text, b[:min(len(b), most-len(e.text))]...)
}

// end returns what was written. It does not wait for the end of the pipe: a
// process that the check has left behind may hold it.
func (e *excerpt) end() string {
	_ = e.from.SetReadDeadline(time.Now())
	<-e.done
	if raw, err := e.from.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			b := make([]byte, 4096)
			for {
				n, err := unix.Read(int(fd), b)
				if err == unix.EINTR {
					continue
				}
				if n <= 0 {
					return
				}
				e.take(b[:n])
			}
		})
	}
	e.from.Close()
	return string(e.text)
}
