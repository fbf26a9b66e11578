package launcher

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// relay connects the caller's signals and terminal with a running container.
// The container's own descriptors, where there is no terminal, are the
// caller's: no byte passes through here.
type relay struct {
	// mu guards the next two, which a container that is run again has anew.
	mu     sync.Mutex
	pidfd  int
	tty    *os.File
	signal chan os.Signal
	undo   func()
	output chan struct{}
	pipes  *pipes
	// keys end the relaying without ending the container; leave is called then.
	keys  detachKeys
	leave func()
	// told says that the output comes in messages, a terminal's, too.
	told bool
	// asked is told of signals before they are passed on; nil for nobody.
	asked func(unix.Signal)
}

// notProxied are signals that are about the caller itself, or come from Go.
var notProxied = map[os.Signal]bool{
	unix.SIGCHLD: true, unix.SIGPIPE: true, unix.SIGURG: true, unix.SIGTTIN: true, unix.SIGTTOU: true,
	unix.SIGWINCH: true, unix.SIGTSTP: true,
}

// usual are the signals that people and service managers send. Catching one costs
// two thread switches in Go, a millisecond for all there are: the others wait
// until a container has run for restAfter.
var usual = []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2}

const restAfter = 50 * time.Millisecond

// catch starts to collect signals: before a container can exist, so that none
// that arrives meanwhile ends the caller and leaves the container behind.
func catch(proxy bool) chan os.Signal {
	c := make(chan os.Signal, 64)
	if proxy {
		signal.Notify(c, usual...)
	}
	return c
}

// start begins to relay. pidfd is the container's first process, tty the master
// of its terminal or -1; proxy passes every signal on.
func (r *relay) start(pidfd, tty int, proxy bool) error {
	if r.undo != nil {
		r.renew(pidfd, tty)
		return nil
	}
	r.pidfd, r.undo = pidfd, func() {}
	if tty >= 0 {
		r.tty = os.NewFile(uintptr(tty), "terminal")
		if term.IsTerminal(0) {
			old, err := term.MakeRaw(0)
			if err != nil {
				return fmt.Errorf("cannot make the terminal raw: %w", err)
			}
			r.undo = func() { _ = term.Restore(0, old) }
		}
		signal.Notify(r.signal, unix.SIGWINCH)
		r.resize()
		r.show()
		go r.typed()
	}
	if proxy {
		time.AfterFunc(restAfter, func() { signal.Notify(r.signal) })
	}
	go func() {
		for s := range r.signal {
			r.pass(s)
		}
	}()
	return nil
}

// show copies what the container writes on its terminal.
func (r *relay) show() {
	if r.told {
		return
	}
	output, tty := make(chan struct{}), r.tty
	r.output = output
	go func() { _, _ = io.Copy(os.Stdout, tty); close(output) }()
}

// renew goes on with another run of the container.
func (r *relay) renew(pidfd, tty int) {
	if r.output != nil {
		<-r.output // what the last run wrote
	}
	r.mu.Lock()
	unix.Close(r.pidfd)
	r.pidfd = pidfd
	if r.tty != nil {
		r.tty.Close()
		r.tty = os.NewFile(uintptr(tty), "terminal")
	}
	r.mu.Unlock()
	if r.tty != nil {
		r.resize()
		r.show()
	}
}

func (r *relay) pass(s os.Signal) {
	if s == unix.SIGWINCH {
		r.resize()
	}
	if n, ok := s.(unix.Signal); ok && !notProxied[s] {
		if r.asked != nil {
			r.asked(n)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		_ = unix.PidfdSendSignal(r.pidfd, n, nil, 0)
	}
}

// typed passes on what is typed, until the keys that detach.
func (r *relay) typed() {
	b := make([]byte, 4096)
	for {
		n, err := os.Stdin.Read(b)
		pass, over := r.keys.feed(b[:n])
		r.mu.Lock()
		tty := r.tty
		r.mu.Unlock()
		// A terminal whose container has ended may be followed by another's.
		if _, werr := tty.Write(pass); werr != nil && r.asked == nil || err != nil {
			return
		}
		if over {
			r.leave()
			return
		}
	}
}

// resize gives the container's terminal the size of the caller's.
func (r *relay) resize() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tty == nil {
		return
	}
	if w, h, err := term.GetSize(0); err == nil {
		_ = unix.IoctlSetWinsize(int(r.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(h), Col: uint16(w)})
	}
}

// abandon restores the terminal of a user who goes on with something else.
func (r *relay) abandon() {
	if r.undo != nil {
		r.undo()
	}
}

// finish waits for the last output and restores the terminal.
func (r *relay) finish() {
	r.pipes.finish()
	if r.output != nil {
		<-r.output
	}
	if r.undo != nil {
		r.undo()
	}
}
