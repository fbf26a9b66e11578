package containers

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"coracle/storage"
)

// made makes a container with the facts given, name and content in turn.
func made(t *testing.T, set Set, name string, keep bool, facts ...string) *storage.Dir {
	t.Helper()
	p := storage.Params{Name: name, Keep: keep}
	for i := 0; i < len(facts); i += 2 {
		p.Facts = append(p.Facts, storage.Fact{Name: facts[i], Data: []byte(facts[i+1])})
	}
	d, err := set.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Lock.Close() })
	return d
}

func newSet(t *testing.T) Set {
	return Set{Containers: storage.Containers{Data: t.TempDir()}}
}

// sleeper starts a process, in a user namespace of its own if it is to look like a
// container's.
func sleeper(t *testing.T, contained bool) State {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if contained {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return State{PID: cmd.Process.Pid, Start: StartTime(cmd.Process.Pid)}
}

const intent = `{"Version":1,"Image":"debian","ImageID":"abc","Args":["debian"],"UIDs":[{"Inside":0,"Outside":1,"Size":5}]}`

func TestListAndFind(t *testing.T) {
	set := newSet(t)
	if all, err := set.List(); len(all) != 0 || err != nil {
		t.Fatalf("before the first container: %v, %v", all, err)
	}
	running := made(t, set, "running", true, IntentFact, intent)
	stopped := made(t, set, "stopped", true, IntentFact, intent)
	stopped.Lock.Close()
	scratch := made(t, set, "scratch", false)
	dead := made(t, set, "dead", false)
	dead.Lock.Close()
	all, err := set.List()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range all {
		got[c.Name] = c.Running
	}
	if len(got) != 3 || !got["running"] || got["stopped"] || !got["scratch"] {
		t.Errorf("%v", got)
	}
	for _, ref := range []string{"running", running.ID, running.ID[:12]} {
		c, err := set.Find(ref)
		if err != nil || c.ID != running.ID || !c.Running || c.PID != 0 {
			t.Errorf("%s: %+v, %v", ref, c, err)
		}
	}
	c, err := set.Find("stopped")
	if err != nil || c.Running || c.Err != nil || c.Intent.Image != "debian" || c.Intent.ImageID != "abc" || len(c.Intent.UIDs) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := set.Find("scratch"); err != nil || c.ID != scratch.ID || c.Err != nil {
		t.Errorf("%+v, %v", c, err)
	}
	for _, ref := range []string{"dead", dead.ID, "nobody", "", "../containers"} {
		if c, err := set.Find(ref); !errors.Is(err, storage.ErrNoContainer) {
			t.Errorf("%q: %+v, %v", ref, c, err)
		}
	}
}

func TestState(t *testing.T) {
	set := newSet(t)
	its, foreign := sleeper(t, true), sleeper(t, false)
	image := strings.Repeat("0f", 32)
	for name, tt := range map[string]struct {
		state   string
		stopped bool
		pid     int
		image   string
	}{
		"its own":               {state: line(its, ""), pid: its.PID},
		"with an image":         {state: line(its, image), pid: its.PID, image: image},
		"another file's image":  {state: line(its, "../../etc"), pid: its.PID},
		"of one that has ended": {state: line(its, ""), stopped: true},
		"a foreign process":     {state: line(foreign, "")},
		"the tester":            {state: line(State{PID: os.Getpid(), Start: StartTime(os.Getpid())}, "")},
		"a pid used again":      {state: line(State{PID: its.PID, Start: foreign.Start + "1"}, "")},
		"no such process":       {state: "4194304 1\n"},
		"half written":          {state: strconv.Itoa(its.PID)},
		"empty":                 {},
		"rubbish":               {state: "x y\n"},
		"negative":              {state: "-1 " + its.Start + "\n"},
		"zero":                  {state: "0 " + its.Start + "\n"},
		"too large":             {state: "99999999999999999999 1\n"},
		"binary":                {state: "\x00\xff\n"},
	} {
		d := made(t, set, "", true, IntentFact, `{"Version":1}`, stateFact, tt.state)
		if tt.stopped {
			d.Lock.Close()
		}
		c, err := set.Find(d.ID)
		if err != nil || c.PID != tt.pid || c.Intent.ImageID != tt.image || c.Running == tt.stopped || (c.Start != "") != (tt.pid != 0) {
			t.Errorf("%s: pid %d, image %q, running %v, %v; want pid %d", name, c.PID, c.Intent.ImageID, c.Running, err, tt.pid)
		}
	}
	// A process that has ended is none, even before it is reaped.
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if s := (State{PID: cmd.Process.Pid, Start: "1"}); s.Process(false) || s.Exists() {
		t.Error("a process that is gone is there")
	}
}

func line(s State, image string) string {
	return strings.TrimSpace(strconv.Itoa(s.PID)+" "+s.Start+" "+image) + "\n"
}

// In the base namespace, the processes of --userns host are containers', too.
func TestInside(t *testing.T) {
	its, same := sleeper(t, true), sleeper(t, false)
	if !its.Process(true) || !same.Process(true) || same.Process(false) {
		t.Errorf("below %v, same %v, same from outside %v", its.Process(true), same.Process(true), same.Process(false))
	}
}

func TestDamagedIntent(t *testing.T) {
	set := newSet(t)
	for name, facts := range map[string][]string{
		"half-written": {IntentFact, intent[:20]},
		"empty":        {IntentFact, ""},
		"a list":       {IntentFact, "[]"},
		"none":         nil,
	} {
		d := made(t, set, "", true, facts...)
		c, err := set.Find(d.ID)
		if err != nil || c.Err == nil || !strings.Contains(c.Err.Error(), d.ID) {
			t.Errorf("%s: %v, %v", name, err, c.Err)
		}
	}
	if all, err := set.List(); err != nil || len(all) != 4 {
		t.Errorf("one damaged record hides the others: %d, %v", len(all), err)
	}
}

func TestEnded(t *testing.T) {
	s := sleeper(t, false)
	if Ended(s.PID) || !s.Exists() {
		t.Error("a process that sleeps has ended")
	}
	if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for !Ended(s.PID) || s.Exists() { // nobody has waited for it: it is a zombie
		time.Sleep(time.Millisecond)
	}
	if StartTime(s.PID) == "" {
		t.Error("it is not there")
	}
}

// One that is removed while it is looked at is gone, not damaged.
func TestRemovedMeanwhile(t *testing.T) {
	set := newSet(t)
	d := made(t, set, "", true, IntentFact, intent)
	seen := *d
	if err := set.Trash(d); err != nil {
		t.Fatal(err)
	}
	if c, err := set.look(&seen); err != nil || !c.gone() {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWriteState(t *testing.T) {
	set := newSet(t)
	d := made(t, set, "", true)
	for _, want := range []State{{PID: 7, Start: "99"}, {PID: 8, Start: "100", Image: strings.Repeat("0f", 32)}} {
		if err := WriteState(d.Path, want); err != nil {
			t.Fatal(err)
		}
		if got, ok := ReadState(d); !ok || got != want {
			t.Errorf("%+v, %v; want %+v", got, ok, want)
		}
	}
}

func TestStartTimeAndParent(t *testing.T) {
	s := sleeper(t, false)
	if Parent(s.PID) != os.Getpid() || Parent(4194304) != 0 || Parent(-1) != 0 {
		t.Errorf("parents: %d, %d", Parent(s.PID), Parent(4194304))
	}
	if s.Start == "" || StartTime(4194304) != "" || StartTime(s.PID) != s.Start {
		t.Errorf("start %q, of nobody %q", s.Start, StartTime(4194304))
	}
}

func FuzzReadState(f *testing.F) {
	for _, s := range []string{"1 2", "1 2 " + strings.Repeat("0f", 32), "", "x", "-1 0 z"} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	d := &storage.Dir{Path: dir}
	f.Fuzz(func(t *testing.T, data []byte) {
		if d.WriteFact(stateFact, data) != nil {
			return
		}
		if s, ok := ReadState(d); ok && (s.PID <= 0 || s.Start == "" || s.Image != "" && !storage.ValidID(s.Image)) {
			t.Errorf("%q: %+v", data, s)
		}
	})
}
