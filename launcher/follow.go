package launcher

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// follower is a process that a supervisor has been asked to start, as the one
// sees it who asked.
type follower struct {
	conn  conn
	relay *relay
	// leave ends the following when the process has started.
	leave bool
	// proxy passes signals on.
	proxy bool
	// gone is the error when the supervisor ends first.
	gone error
	// started and failed are called when the process runs, and when it never will.
	started func(pid int) error
	// uplink answers an order, or is nil.
	uplink func(c conn, payload []byte, fds []int) error
	failed func()
	// left says that the user has detached.
	left atomic.Bool
}

// follow relays until the process has ended, and returns its exit status.
func (f *follower) follow() (int, error) {
	f.relay.leave = func() {
		f.left.Store(true)
		_ = unix.Shutdown(int(f.conn.f.Fd()), unix.SHUT_RDWR)
	}
	for {
		k, payload, fds, err := f.conn.receive()
		if err != nil {
			if f.left.Load() {
				f.relay.abandon()
				return 0, nil
			}
			f.relay.finish()
			return ExitFailed, f.gone
		}
		switch {
		case k == msgFailed && len(payload) > 0:
			if f.failed != nil {
				f.failed()
			}
			return max(int(payload[0]), ExitFailed), failure(payload)
		case k == msgStarted && len(payload) == 4 && len(fds) > 0:
			if f.started != nil {
				if err := f.started(int(binary.BigEndian.Uint32(payload))); err != nil {
					return ExitFailed, err
				}
			}
			if f.leave {
				closeAll(fds)
				return 0, nil
			}
			tty := -1
			if len(fds) > 1 {
				tty = fds[1]
			}
			if err := f.relay.start(fds[0], tty, f.proxy); err != nil {
				return ExitFailed, err
			}
		case k == msgUplink && f.uplink != nil:
			if err := f.uplink(f.conn, payload, fds); err != nil {
				return ExitFailed, err
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
			f.relay.finish()
			return int(payload[0]), nil
		default:
			closeAll(fds)
			return ExitFailed, fmt.Errorf("the supervisor sent a message that makes no sense here: %q", byte(k))
		}
	}
}
