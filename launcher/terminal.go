package launcher

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// A container that did not ask for a terminal does not get the caller's: whoever
// has it, for output only, can open it again, read what is typed, change its
// modes, and goes on when the caller has left it to the shell (CVE-2017-5226).
// Where the caller's standard descriptors are a terminal, pipes stand between.

// pipes are those between the caller's terminal and a container.
type pipes struct {
	in  *os.File // to the container's standard input
	out []*pump
}

// pump copies what a container writes to the terminal.
type pump struct {
	from, to *os.File
	done     chan struct{}
}

// replace fills those of stdio, descriptors for the container, in whose place it
// would get the caller's terminal.
func (p *pipes) replace(stdio *[3]*os.File) error {
	for fd := range 3 {
		if stdio[fd] != nil || !term.IsTerminal(fd) {
			continue
		}
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return fmt.Errorf("cannot make a pipe: %w", err)
		}
		if fd == 0 {
			stdio[fd], p.in = os.NewFile(uintptr(ends[0]), "stdin"), os.NewFile(uintptr(ends[1]), "stdin")
			continue
		}
		// Our end waits in the poller, so that finish can interrupt it.
		_ = unix.SetNonblock(ends[0], true)
		stdio[fd] = os.NewFile(uintptr(ends[1]), "output")
		p.out = append(p.out, &pump{os.NewFile(uintptr(ends[0]), "output"), []*os.File{nil, os.Stdout, os.Stderr}[fd], make(chan struct{})})
	}
	return nil
}

// start begins to copy; the container's ends are closed here by then.
func (p *pipes) start() {
	if p.in != nil {
		go func() { _, _ = io.Copy(p.in, os.Stdin); p.in.Close() }()
	}
	for _, o := range p.out {
		go o.run()
	}
}

func (o *pump) run() {
	defer close(o.done)
	if _, err := io.Copy(o.to, o.from); !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	raw, err := o.from.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		b := make([]byte, 64<<10)
		for {
			n, err := unix.Read(int(fd), b)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return
			}
			_, _ = o.to.Write(b[:n])
		}
	})
}

// finish copies what a container that has ended wrote. It does not wait for the
// end of the pipe: a process in a shared pid namespace may keep it open.
func (p *pipes) finish() {
	for _, o := range p.out {
		_ = o.from.SetReadDeadline(time.Now())
		<-o.done
	}
}
