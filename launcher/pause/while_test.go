package pause

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/processes"
)

func TestWhile(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "sleep 1000")
	failed := errors.New("failed")
	if err := While(t.Context(), w.Set, c, func() error {
		if !w.find(c.ID).Paused {
			t.Error("it goes on")
		}
		return failed
	}); err != failed || w.find(c.ID).Paused {
		t.Errorf("%v, paused %v", err, w.find(c.ID).Paused)
	}
	// One that was paused stays so.
	if err := Pause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	if err := While(t.Context(), w.Set, c, func() error { return nil }); err != nil || !w.find(c.ID).Paused {
		t.Error(err)
	}
	if err := Unpause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	done := 0
	if err := unix.Kill(c.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for containers.StartTime(c.PID) == c.Start && !processes.Stopped(c.PID) {
		time.Sleep(time.Millisecond)
	}
	c.Lock.Close()
	if err := While(t.Context(), w.Set, c, func() error { done++; return nil }); err != nil || done != 1 {
		t.Errorf("of one that has ended: %v, %d", err, done)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := While(ended, w.Set, c, func() error { done++; return nil }); !errors.Is(err, context.Canceled) || done != 1 {
		t.Errorf("%v, %d", err, done)
	}
}

func TestDeliver(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "sleep 1000")
	if err := Deliver(c, unix.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := Pause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	if err := Deliver(c, unix.SIGKILL); err != nil || !w.find(c.ID).Paused {
		t.Errorf("SIGKILL needs nobody to go on: %v", err)
	}
	if err := Deliver(c, unix.SIGTERM); err != nil || w.find(c.ID).Paused {
		t.Error(err)
	}
}
