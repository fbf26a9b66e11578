package pause

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/processes"
	"coracle/storage"
)

// world is a set of containers whose first processes are shells started here.
type world struct {
	containers.Set
	t *testing.T
}

func newWorld(t *testing.T) world {
	return world{containers.Set{Containers: storage.Containers{Data: t.TempDir()}}, t}
}

// start makes a container that runs a script, in a pid namespace of its own if flags
// say so.
func (w world) start(flags uintptr, script string) *containers.Container {
	w.t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | flags, Pdeathsig: unix.SIGKILL, Setsid: true,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	pid := cmd.Process.Pid
	w.t.Cleanup(func() {
		_ = unix.Kill(-pid, unix.SIGKILL)
		_ = cmd.Wait()
	})
	d, err := w.Create(storage.Params{Keep: true, Facts: []storage.Fact{
		{Name: containers.IntentFact, Data: []byte(`{"Version":1}`)},
		{Name: "state", Data: []byte(strconv.Itoa(pid) + " " + containers.StartTime(pid) + "\n")},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { d.Lock.Close() })
	return w.find(d.ID)
}

func (w world) find(id string) *containers.Container {
	w.t.Helper()
	c, err := w.Find(id)
	if err != nil || c.PID == 0 {
		w.t.Fatalf("%+v, %v", c, err)
	}
	return c
}

// members waits until the container has n processes.
func (w world) members(c *containers.Container, n int) []int {
	w.t.Helper()
	ns := processes.Namespace(c.PID)
	for range 5000 {
		if m, err := processes.Members(ns); err == nil && len(m[ns]) == n {
			return m[ns]
		}
		time.Sleep(time.Millisecond)
	}
	w.t.Fatalf("not %d processes", n)
	return nil
}

func stands(pids []int) bool {
	for _, pid := range pids {
		if !processes.Stopped(pid) {
			return false
		}
	}
	return true
}

func TestPause(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "while :; do :; done & while :; do :; done & sleep 1000 & wait")
	pids := w.members(c, 4)
	if err := Pause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	if !stands(pids) || !w.find(c.ID).Paused {
		t.Error("it goes on")
	}
	if err := Pause(w.Set, c); !errors.Is(err, ErrPaused) || !strings.Contains(err.Error(), "fix: coracle unpause") {
		t.Error(err)
	}
	if err := Unpause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	if w.find(c.ID).Paused || stands(pids) {
		t.Error("it still stands")
	}
	if err := Unpause(w.Set, c); !errors.Is(err, ErrNotPaused) {
		t.Error(err)
	}
}

// Processes that fork all the time are caught, too.
func TestPauseForks(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "loop() { while :; do (:) ; done; }; loop & loop & loop")
	w.members(c, 3)
	for range 5 {
		if err := Pause(w.Set, c); err != nil {
			t.Fatal(err)
		}
		ns := processes.Namespace(c.PID)
		before, err := processes.Members(ns)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		after, err := processes.Members(ns)
		if err != nil || len(before[ns]) != len(after[ns]) || !stands(after[ns]) {
			t.Errorf("%v, then %v, %v", before[ns], after[ns], err)
		}
		if err := Unpause(w.Set, c); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPauseKeepsStopped(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "sleep 1000 & sleep 1001 & wait")
	pids := w.members(c, 3)
	if err := unix.Kill(pids[1], unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !processes.Stopped(pids[1]) {
		time.Sleep(time.Millisecond)
	}
	if err := Pause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	// Somebody who was interrupted, and another one who tries again, add nothing to
	// what stood before.
	p, ok := w.find(c.ID).ReadPause()
	if !ok || !p.Complete || len(p.Stood) != 1 || p.Stood[0].PID != pids[1] {
		t.Fatalf("%+v, %v", p, ok)
	}
	p.Complete = false
	if err := w.find(c.ID).WritePause(p); err != nil {
		t.Fatal(err)
	}
	if w.find(c.ID).Paused {
		t.Error("half paused is paused")
	}
	if err := Pause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	if err := Unpause(w.Set, c); err != nil {
		t.Fatal(err)
	}
	if !processes.Stopped(pids[1]) || processes.Stopped(pids[0]) || processes.Stopped(pids[2]) {
		t.Error("not as before")
	}
}

func TestPauseShared(t *testing.T) {
	w := newWorld(t)
	host := w.start(0, "sleep 1000")
	if err := Pause(w.Set, host); !errors.Is(err, ErrShared) || !strings.Contains(err.Error(), "the host") {
		t.Error(err)
	}
	c := w.start(unix.CLONE_NEWPID, "sleep 1000")
	// Another container whose first process is in the same namespace.
	child := w.start(unix.CLONE_NEWPID, "sleep 1001 & sleep 1002")
	pids := w.members(child, 3)
	d, err := w.Create(storage.Params{Name: "guest", Keep: true, Facts: []storage.Fact{{Name: "state", Data: []byte(strconv.Itoa(pids[1]) + " " + containers.StartTime(pids[1]) + "\n")}}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Lock.Close()
	if err := Pause(w.Set, child); !errors.Is(err, ErrShared) || !strings.Contains(err.Error(), "container guest") {
		t.Error(err)
	}
	if stands(pids) || w.find(child.ID).Paused {
		t.Error("it stands all the same")
	}
	if err := Pause(w.Set, c); err != nil {
		t.Error(err)
	}
	if err := Unpause(w.Set, c); err != nil {
		t.Error(err)
	}
}

// A group that does not freeze leaves nothing behind; one that does is in the fact.
func TestFreezeFails(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "sleep 1000")
	if err := freeze(c, t.TempDir()); err == nil || !strings.Contains(err.Error(), "cannot pause") {
		t.Error(err)
	}
	if p, ok := c.ReadPause(); ok {
		t.Errorf("%+v", p)
	}
	group := t.TempDir()
	for name, text := range map[string]string{"cgroup.freeze": "0", "cgroup.events": "frozen 1\n"} {
		if err := os.WriteFile(filepath.Join(group, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := freeze(c, group); err != nil || !w.find(c.ID).Paused {
		t.Error(err)
	}
	if err := Deliver(c, unix.SIGTERM); err != nil || w.find(c.ID).Paused {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(group, "cgroup.freeze")); !strings.HasPrefix(string(b), "0") {
		t.Errorf("%q", b)
	}
}

func TestSignalOnlyInside(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "sleep 1000")
	ns := processes.Namespace(c.PID)
	other := exec.Command("sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	for _, pid := range []int{other.Process.Pid, 1 << 22} {
		if err := signal(pid, ns, unix.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	if st := processes.StatOf(other.Process.Pid).State; st == "Z" || st == "" {
		t.Error("a process of the host was signalled")
	}
}

// Pausing and unpausing at once from several sides leaves one of the two states.
func TestPauseConcurrently(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "while :; do (:); done")
	done := make(chan error)
	for i := range 4 {
		go func() {
			for range 10 {
				err := Pause(w.Set, c)
				if i%2 == 0 {
					err = Unpause(w.Set, c)
				}
				if err != nil && !errors.Is(err, ErrPaused) && !errors.Is(err, ErrNotPaused) {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if p, ok := c.ReadPause(); ok && (!p.Complete || !w.find(c.ID).Paused) || !ok && processes.Stopped(c.PID) {
		t.Errorf("%+v, %v", p, ok)
	}
}

// What is left of a container whose supervisor was killed is thawed; a living one is
// not touched.
func TestForget(t *testing.T) {
	w := newWorld(t)
	c := w.start(unix.CLONE_NEWPID, "sleep 1000")
	group := t.TempDir()
	file := filepath.Join(group, "cgroup.freeze")
	if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	is := func(want string) {
		t.Helper()
		if b, err := os.ReadFile(file); err != nil || string(b) != want {
			t.Errorf("%q, %v; want %q", b, err, want)
		}
	}
	Forget(c.Dir)
	if err := c.WritePause(containers.Pause{Freezer: group, Complete: true}); err != nil {
		t.Fatal(err)
	}
	d, err := w.Lookup(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	Forget(d)
	is("1")
	if other, err := w.Create(storage.Params{Keep: true}); err != nil {
		t.Fatal(err)
	} else {
		dead := &containers.Container{Dir: other, PID: 7, Start: "8"}
		if err := dead.WritePause(containers.Pause{Freezer: group, Complete: true}); err != nil {
			t.Fatal(err)
		}
		other.Lock.Close()
		Forget(other)
	}
	is("0")
}
