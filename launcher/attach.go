package launcher

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"coracle/launcher/intent"
)

// Attach says how to attach to a running container.
type Attach struct {
	Name     string
	NoStdin  bool
	SigProxy bool
	// DetachKeys end the attaching, in docker's form; nil: ctrl-p,ctrl-q.
	DetachKeys *string
}

// Attach connects this process's standard descriptors with a container that was
// started detached, and returns the container's exit status, or 0 after the keys
// that detach.
func (c *Containers) Attach(ctx context.Context, a Attach) (int, error) {
	x, err := c.Running(a.Name)
	if err != nil {
		return ExitFailed, err
	}
	keys, err := intent.DetachKeys(a.DetachKeys)
	if err != nil {
		return ExitFailed, err
	}
	server, err := dial(c.run, x.ID)
	if err != nil {
		return ExitFailed, err
	}
	defer server.f.Close()
	if err := server.send(msgAttach, []byte{controlVersion}); err != nil {
		return ExitFailed, fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	}
	s := &attached{conn: &client{conn: server}, tty: x.Intent.TTY, keys: detachKeys{keys: keys}, left: make(chan struct{})}
	defer s.restore()
	if a.SigProxy && !s.tty {
		s.proxy(func(sig unix.Signal) {
			if now, err := c.Find(x.ID); err == nil { // another run has another process
				_ = c.Signal(now, sig)
			}
		})
	}
	if !a.NoStdin && x.Intent.Interactive {
		if err := s.input(); err != nil {
			return ExitFailed, err
		}
	}
	return s.output()
}

// attached is a client of a supervisor's output.
type attached struct {
	conn *client
	tty  bool
	keys detachKeys
	old  *term.State
	left chan struct{}
	// resize gives the container's terminal the size of ours; nil without one.
	resize func()
}

// output copies what the container writes until it ends.
func (s *attached) output() (int, error) {
	for {
		k, payload, fds, err := s.conn.receive()
		closeAll(fds)
		switch {
		case err != nil:
			select {
			case <-s.left:
				return 0, nil
			default:
				return ExitFailed, errKilled
			}
		case k == msgStarted:
			if s.resize != nil {
				s.resize() // in another run it is another terminal
			}
		case k == msgOutput && len(payload) > 0:
			to := os.Stdout
			if payload[0] == streamErr {
				to = os.Stderr
			}
			if _, err := to.Write(payload[1:]); err != nil {
				return ExitFailed, fmt.Errorf("cannot write the container's output: %w", err)
			}
		case k == msgExited && len(payload) == 1:
			return int(payload[0]), nil
		case k == msgFailed && len(payload) > 0:
			return int(payload[0]), failure(payload)
		}
	}
}

// input begins to copy what is typed.
func (s *attached) input() error {
	if s.tty && term.IsTerminal(0) {
		var err error
		if s.old, err = term.MakeRaw(0); err != nil {
			return fmt.Errorf("cannot make the terminal raw: %w", err)
		}
		s.follow()
	}
	go func() {
		b := make([]byte, 32<<10)
		for {
			n, err := os.Stdin.Read(b)
			pass, over := b[:n], false
			if s.tty {
				pass, over = s.keys.feed(b[:n])
			}
			if len(pass) > 0 && s.conn.say(msgInput, pass) != nil {
				return
			}
			if over {
				close(s.left)
				_ = unix.Shutdown(int(s.conn.f.Fd()), unix.SHUT_RDWR)
				return
			}
			if err != nil {
				_ = s.conn.say(msgInput, nil)
				return
			}
		}
	}()
	return nil
}

// follow gives the container's terminal the size of this one.
func (s *attached) follow() {
	s.resize = func() {
		if w, h, err := term.GetSize(0); err == nil {
			_ = s.conn.say(msgResize, []byte{byte(h >> 8), byte(h), byte(w >> 8), byte(w)})
		}
	}
	s.resize()
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	go func() {
		for range changed {
			s.resize()
		}
	}()
}

// proxy passes signals on.
func (s *attached) proxy(send func(unix.Signal)) {
	signals := catch(true)
	go func() {
		for sig := range signals {
			if n, ok := sig.(unix.Signal); ok && !notProxied[sig] {
				send(n)
			}
		}
	}()
}

func (s *attached) restore() {
	if s.old != nil {
		_ = term.Restore(0, s.old)
	}
}
