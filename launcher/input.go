package launcher

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// input is where what attached clients type goes to: the container's standard
// input, or its terminal. Clients may be there before it is: they wait.
type input struct {
	writing sync.Mutex // one client at a time

	mu sync.Mutex // apart: a full pipe holds only those up who write to it
	// known is closed when it is known where input goes to.
	known chan struct{}
	given bool
	to    *os.File // nil: nowhere
	tty   bool
}

// wait returns when it is known where input goes to.
func (i *input) wait() {
	i.mu.Lock()
	if i.known == nil {
		i.known = make(chan struct{})
	}
	known, given := i.known, i.given
	i.mu.Unlock()
	if !given {
		<-known
	}
}

// give says where input goes to, nil for nowhere.
func (i *input) give(to *os.File, tty bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.to, i.tty = to, tty
	if i.known != nil && !i.given {
		close(i.known)
	}
	i.given = true
}

// drop lets go of it, at the end of one run of the container; who is writing to a
// full pipe hears of it. What comes is for the next run.
func (i *input) drop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.to != nil && !i.tty { // a terminal is its pump's to close
		i.to.Close()
	}
	if i.given {
		i.given, i.known = false, nil
	}
	i.to = nil
}

// now is where input goes to at present.
func (i *input) now() (to *os.File, tty bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.to, i.tty
}

// end closes a pipe; a terminal has no end.
func (i *input) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.to != nil && !i.tty {
		i.to.Close()
		i.to = nil
	}
}

// take is what an attached client sends.
func (i *input) take(k kind, payload []byte) {
	i.writing.Lock()
	defer i.writing.Unlock()
	i.wait()
	to, tty := i.now()
	switch {
	case to == nil:
	case k == msgInput && len(payload) > 0:
		_, _ = to.Write(payload)
	case k == msgInput:
		i.end()
	case k == msgResize && tty && len(payload) == 4:
		resize(to, &unix.Winsize{
			Row: uint16(payload[0])<<8 | uint16(payload[1]), Col: uint16(payload[2])<<8 | uint16(payload[3]),
		})
	}
}

// resize leaves the descriptor in the poller, as Fd would not.
func resize(tty *os.File, size *unix.Winsize) {
	if raw, err := tty.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	}
}
