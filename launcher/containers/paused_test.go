package containers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// A container is paused if the fact says so of this very run, and the kernel too.
func TestPaused(t *testing.T) {
	set := newSet(t)
	its, other := sleeper(t, true), sleeper(t, true)
	frozen, thawed := t.TempDir(), t.TempDir()
	for dir, events := range map[string]string{frozen: "frozen 1\n", thawed: "frozen 0\n"} {
		for name, text := range map[string]string{"cgroup.freeze": "1\n", "cgroup.events": events} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		stop bool
		p    Pause
		not  bool
	}{
		"stopped":                  {stop: true, p: Pause{Complete: true}},
		"continued by somebody":    {p: Pause{Complete: true}, not: true},
		"interrupted":              {stop: true, not: true},
		"frozen":                   {p: Pause{Freezer: frozen, Complete: true}},
		"frozen, then interrupted": {p: Pause{Freezer: frozen}},
		"thawed by somebody":       {stop: true, p: Pause{Freezer: thawed, Complete: true}, not: true},
		"the group has gone":       {p: Pause{Freezer: frozen + "/gone", Complete: true}, not: true},
		"no group":                 {p: Pause{Freezer: os.TempDir(), Complete: true}, not: true},
		"others stood before":      {stop: true, p: Pause{Complete: true, Stood: []Process{{PID: other.PID, Start: other.Start}}}},
	} {
		if err := unix.Kill(its.PID, map[bool]unix.Signal{true: unix.SIGSTOP, false: unix.SIGCONT}[tt.stop]); err != nil {
			t.Fatal(err)
		}
		d := made(t, set, "", true, IntentFact, intent, stateFact, line(its, ""))
		c, err := set.Find(d.ID)
		if err != nil || c.Paused || c.Status() != Running {
			t.Fatalf("%s: without the fact: %v, %v", name, c.Status(), err)
		}
		if err := c.WritePause(tt.p); err != nil {
			t.Fatal(err)
		}
		p, ok := c.ReadPause()
		if !ok || p.PID != its.PID || p.Freezer != tt.p.Freezer || len(p.Stood) != len(tt.p.Stood) {
			t.Errorf("%s: read %+v, %v", name, p, ok)
		}
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			if c, err = set.Find(d.ID); err != nil || c.Paused == !tt.not {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%s: paused %v", name, c.Paused)
				break
			}
		}
		if want := map[bool]string{false: Paused, true: Running}[tt.not]; c.Status() != want || c.PID != its.PID {
			t.Errorf("%s: %s, want %s", name, c.Status(), want)
		}
		// The same fact in a container that was started again.
		again := sleeper(t, true)
		if err := WriteState(d.Path, again); err != nil {
			t.Fatal(err)
		}
		if c, err := set.Find(d.ID); err != nil || c.Paused {
			t.Errorf("%s: another run is paused, too, %v", name, err)
		}
		if err := c.RemovePause(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(d.Path, pausedFact)); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}

func FuzzReadPause(f *testing.F) {
	f.Add([]byte(`{"Version":1,"PID":7,"Start":"9","Complete":true,"Stood":[{"PID":8,"Start":"1"}]}`))
	f.Add([]byte(`{"Version":2,"PID":7,"Start":"9"}`))
	f.Add([]byte("{"))
	set := Set{}
	set.Data = f.TempDir()
	d, err := set.Create(storage.Params{})
	if err != nil {
		f.Fatal(err)
	}
	defer d.Lock.Close()
	c := &Container{Dir: d, PID: 7, Start: "9"}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := d.WriteFact(pausedFact, data); err != nil {
			return
		}
		p, ok := c.ReadPause()
		if ok && (p.Version != 1 || p.PID != 7 || p.Start != "9") {
			t.Errorf("%q: %+v, %v", data, p, ok)
		}
	})
}
