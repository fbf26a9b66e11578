package launcher

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var errGone = errors.New("it is gone")

// following is a follower and the supervisor's end of its connection.
func following(t *testing.T, change func(*follower)) (status chan int, fail chan error, super conn) {
	t.Helper()
	mine, super := pair(t)
	f := &follower{conn: mine, relay: &relay{signal: make(chan os.Signal, 1), pipes: &pipes{}}, gone: errGone}
	if change != nil {
		change(f)
	}
	status, fail = make(chan int, 1), make(chan error, 1)
	go func() {
		s, err := f.follow()
		status <- s
		fail <- err
	}()
	return status, fail, super
}

func started(t *testing.T, super conn) {
	t.Helper()
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := super.send(msgStarted, be32(77), pidfd); err != nil {
		t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	var said []string
	failing := errors.New("cannot write the file")
	for _, tt := range []struct {
		name   string
		change func(*follower)
		do     func(super conn)
		status int
		err    string
		said   string
	}{
		{name: "to its end", do: func(c conn) { started(t, c); _ = c.send(msgExited, []byte{9}) }, status: 9, said: "started 77"},
		{name: "not to be found", do: func(c conn) { _ = c.send(msgFailed, append([]byte{ExitNotFound}, "no such program"...)) }, status: ExitNotFound, err: "no such program", said: "failed"},
		{name: "a status that none is", do: func(c conn) { _ = c.send(msgFailed, []byte("\x00what")) }, status: ExitFailed, err: "what", said: "failed"},
		{name: "killed", do: func(c conn) { started(t, c); c.f.Close() }, status: ExitFailed, err: errGone.Error(), said: "started 77"},
		{name: "killed before", do: func(c conn) { c.f.Close() }, status: ExitFailed, err: errGone.Error()},
		{name: "left", change: func(f *follower) { f.leave = true }, do: func(c conn) { started(t, c) }, said: "started 77"},
		{
			name: "whose start cannot be told", do: func(c conn) { started(t, c) }, status: ExitFailed, err: failing.Error(),
			change: func(f *follower) { f.started = func(int) error { return failing } },
		},
		{name: "a pid without a descriptor", do: func(c conn) { _ = c.send(msgStarted, be32(1)) }, status: ExitFailed, err: "makes no sense"},
		{name: "no pid", do: func(c conn) { _ = c.send(msgStarted, nil, 0) }, status: ExitFailed, err: "makes no sense"},
		{name: "no status", do: func(c conn) { _ = c.send(msgExited, nil) }, status: ExitFailed, err: "makes no sense"},
		{name: "no reason", do: func(c conn) { _ = c.send(msgFailed, nil) }, status: ExitFailed, err: "makes no sense"},
		{name: "anything else", do: func(c conn) { _ = c.send(msgNone, []byte("x")) }, status: ExitFailed, err: "makes no sense"},
	} {
		said = nil
		status, fail, super := following(t, func(f *follower) {
			f.started = func(pid int) error {
				said = append(said, "started "+string(rune('0'+pid/10))+string(rune('0'+pid%10)))
				return nil
			}
			f.failed = func() { said = append(said, "failed") }
			if tt.change != nil {
				tt.change(f)
			}
		})
		tt.do(super)
		if got, err := <-status, <-fail; got != tt.status || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %d, %v", tt.name, got, err)
		}
		if got := strings.Join(said, ","); got != tt.said {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.said)
		}
	}
}

// Leaving by the keys is no failure, and no end of the container.
func TestFollowDetach(t *testing.T) {
	leave := make(chan func(), 1)
	status, fail, super := following(t, func(f *follower) {
		f.started = func(int) error { leave <- f.relay.leave; return nil }
	})
	started(t, super)
	(<-leave)()
	if got, err := <-status, <-fail; got != 0 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if _, _, _, err := super.receive(); err == nil {
		t.Error("the supervisor does not hear of it")
	}
}
