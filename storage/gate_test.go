package storage

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestGate(t *testing.T) {
	g := Gate{Data: filepath.Join(t.TempDir(), "made")}
	one, err := g.Launch()
	must(t, err)
	two, err := g.Launch()
	must(t, err)
	fd, err := unix.FcntlInt(two.Fd(), unix.F_DUPFD_CLOEXEC, 3) // as a supervisor gets it
	must(t, err)
	two.Close()

	var removing, launched atomic.Bool
	entered, later := make(chan *os.File), make(chan *os.File)
	go func() {
		f, err := g.Remove()
		if err != nil {
			t.Error(err)
		}
		removing.Store(true)
		entered <- f
	}()
	// From when the removal stands at the gate, launches queue up behind it.
	for probe, err := g.open(); ; time.Sleep(time.Millisecond) {
		must(t, err)
		if gateLock(probe, unix.F_OFD_SETLK, unix.F_RDLCK, turnstile) != nil {
			probe.Close()
			break
		}
		must(t, gateLock(probe, unix.F_OFD_SETLK, unix.F_UNLCK, turnstile))
	}
	go func() {
		f, err := g.Launch()
		if err != nil {
			t.Error(err)
		}
		launched.Store(true)
		later <- f
	}()
	one.Close()
	time.Sleep(20 * time.Millisecond)
	if removing.Load() || launched.Load() {
		t.Fatal("a copy of a launch's descriptor is open still")
	}
	unix.Close(fd)
	f := <-entered
	time.Sleep(20 * time.Millisecond)
	if launched.Load() {
		t.Error("a launch went past a removal")
	}
	f.Close()
	(<-later).Close()
}

func TestGateOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, enter := range []func() (*os.File, error){Gate{file}.Launch, Gate{file}.Remove} {
		if f, err := enter(); err == nil {
			f.Close()
			t.Error("entered")
		}
	}
}
