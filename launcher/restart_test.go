package launcher

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/userns/tape"
)

func TestBackoff(t *testing.T) {
	var b backoff
	var got []time.Duration
	for range 12 {
		got = append(got, b.after(time.Second)/(100*time.Millisecond))
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if d := b.after(10 * time.Second); d != 100*time.Millisecond {
		t.Errorf("after a long run: %v", d)
	}
	if d := b.after(0); d != 200*time.Millisecond {
		t.Errorf("and then: %v", d)
	}
}

func TestMayRestart(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		health *healthRequest
		want   bool
	}{
		"nothing":          {"no", nil, false},
		"policy":           {"always", nil, true},
		"a check":          {"no", &healthRequest{Health: intent.Health{OnFailure: "kill"}}, false},
		"a check restarts": {"no", &healthRequest{Health: intent.Health{OnFailure: "restart"}}, true},
		"a startup check":  {"no", &healthRequest{Health: intent.Health{Startup: &intent.Healthcheck{}}}, false},
		"that restarts":    {"no", &healthRequest{Health: intent.Health{Startup: &intent.Healthcheck{Retries: 1}}}, true},
	} {
		s := &supervisor{req: request{Restart: intent.RestartPolicy{Name: c.policy}, Health: c.health}}
		if s.mayRestart() != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

// What was opened and is closed by the plan itself must not be closed again: the
// number may be another descriptor's.
func TestMade(t *testing.T) {
	ops := []tape.Op{
		{Call: tape.Openat, Into: 40}, {Call: tape.Openat, Into: 41}, {Call: tape.Close, Args: []tape.Arg{tape.From(40)}},
		{Call: tape.Chdir, Args: []tape.Arg{tape.Str("/")}}, {Call: tape.Fsopen, Into: 42}, {Call: tape.Close, Args: []tape.Arg{tape.From(42)}}, {Call: tape.Fsopen, Into: 42},
	}
	if got, want := made(ops), (map[tape.Slot]bool{41: true, 42: true}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestReleaseCloses(t *testing.T) {
	s := &supervisor{slots: tape.NewSlots(), tty: -1, pidfd: -1}
	s.req.Plan.Host = []tape.Op{{Call: tape.Openat, Into: 40}}
	before := descriptors(t)
	for _, slot := range []tape.Slot{40, plan.Borrowed} {
		fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.slots[slot] = uintptr(fd)
	}
	var err error
	if s.pidfd, err = unix.PidfdOpen(os.Getpid(), 0); err != nil {
		t.Fatal(err)
	}
	s.release()
	if !reflect.DeepEqual(descriptors(t), before) || s.pidfd != -1 || s.slots[40] != ^uintptr(0) {
		t.Errorf("%d %v, %v before", s.pidfd, descriptors(t), before)
	}
	if err := s.inside(func() error { return nil }); !errors.Is(err, ErrRestarting) {
		t.Errorf("between two runs: %v", err)
	}
	if err := s.signal(0); !errors.Is(err, ErrRestarting) {
		t.Errorf("a signal between two runs: %v", err)
	}
	s.release() // a run that failed leaves nothing to close
}

// A pause ends when somebody asks for the end, also if that was before.
func TestPause(t *testing.T) {
	s := &supervisor{req: request{Dir: t.TempDir()}}
	if s.pause(time.Millisecond) {
		t.Error("nobody asked")
	}
	done := make(chan bool)
	go func() { done <- s.pause(time.Hour) }()
	if err := os.WriteFile(filepath.Join(s.req.Dir, "else"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := containers.AskStop(&storage.Dir{Path: s.req.Dir}); err != nil {
		t.Fatal(err)
	}
	if !<-done || !s.pause(time.Hour) {
		t.Error("it went on")
	}
	u := &supervisor{req: request{Dir: t.TempDir()}}
	u.again.stop.Store(true)
	if !u.pause(time.Hour) {
		t.Error("a health check asked")
	}
}

func TestAskStop(t *testing.T) {
	for sig, want := range map[unix.Signal]bool{
		unix.SIGTERM: true, unix.SIGKILL: true, unix.SIGINT: true, unix.SIGQUIT: true, unix.SIGHUP: false, unix.SIGUSR1: false, unix.SIGUSR2: true,
	} {
		x := &containers.Container{Dir: &storage.Dir{Path: t.TempDir()}, Intent: containers.Intent{StopSignal: int(unix.SIGUSR2)}}
		if err := askStop(x, sig); err != nil || containers.StopAsked(x.Dir) != want {
			t.Errorf("%v: %v, %v", sig, containers.StopAsked(x.Dir), err)
		}
	}
	gone := &containers.Container{Dir: &storage.Dir{Path: "/nonexistent"}}
	if err := askStop(gone, unix.SIGTERM); err != nil {
		t.Errorf("without a policy it does not matter: %v", err)
	}
	gone.Intent.Restart = "always"
	if err := askStop(gone, unix.SIGTERM); err == nil {
		t.Error("it would be run again")
	}
}

func TestRestartsDecide(t *testing.T) {
	for name, c := range map[string]struct {
		policy  string
		status  int
		stopped bool
	}{
		"no": {"no", 1, false}, "success": {"on-failure", 0, false}, "stopped": {"always", 1, true},
	} {
		s := &supervisor{req: request{Dir: t.TempDir(), Restart: intent.RestartPolicy{Name: c.policy}}}
		s.again.stop.Store(c.stopped)
		if e := s.restarts(nil, end{status: c.status}); e.status != c.status || e.told || s.again.count != 0 {
			t.Errorf("%s: %+v after %d", name, e, s.again.count)
		}
		if names, _ := os.ReadDir(s.req.Dir); len(names) > 0 {
			t.Errorf("%s: left %v", name, names)
		}
	}
}

func TestStatusOf(t *testing.T) {
	if n := statusOf(&CommandError{Code: ExitNotFound}); n != ExitNotFound {
		t.Error(n)
	}
	if n := statusOf(errors.New("x")); n != ExitFailed {
		t.Error(n)
	}
}
