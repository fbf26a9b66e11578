package launcher

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// relay connects the caller's signals and terminal with a running container.
// The container's own descriptors, where there is no terminal, are the
// caller's: no byte passes through here.
type relay struct {
	pidfd  int
	tty    *os.File
	signal chan os.Signal
	undo   func()
	output chan struct{}
	pipes  *pipes
	// keys end the relaying without ending the container; leave is called then.
	keys  detachKeys
	leave func()
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
		r.output = make(chan struct{})
		go r.typed()
		go func() { _, _ = io.Copy(os.Stdout, r.tty); close(r.output) }()
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

func (r *relay) pass(s os.Signal) {
	if s == unix.SIGWINCH && r.tty != nil {
		r.resize()
	}
	if n, ok := s.(unix.Signal); ok && !notProxied[s] {
		_ = unix.PidfdSendSignal(r.pidfd, n, nil, 0)
	}
}

// typed passes on what is typed, until the keys that detach.
func (r *relay) typed() {
	b := make([]byte, 4096)
	for {
		n, err := os.Stdin.Read(b)
		pass, over := r.keys.feed(b[:n])
		if _, werr := r.tty.Write(pass); werr != nil || err != nil {
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
