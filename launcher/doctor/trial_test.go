package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The probes must run here: on every machine that can run containers all
// steps work, and on any other they must say what does not.
func TestRealHost(t *testing.T) {
	store := filepath.Join(t.TempDir(), "not/yet")
	checks := Run(t.Context(), Options{Store: store})
	var names []string
	for _, c := range checks {
		names = append(names, c.Name)
		if c.Status != OK {
			t.Logf("%s  %s: %s", c.Status, c.Name, c.Detail)
		}
		if c.Detail == "" || c.Status != OK && c.Cost == "" {
			t.Errorf("%+v says nothing", c)
		}
		if strings.Contains(c.Detail, "not reached") || strings.Contains(c.Detail, "unknown probe") {
			t.Errorf("the probe of %+v did not run", c)
		}
	}
	if !slices.Contains(names, "overlay") {
		t.Error(names)
	}
	left, err := os.ReadDir(filepath.Dir(filepath.Dir(store)))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestTrialSteps(t *testing.T) {
	for _, trial := range []Trial{
		{Name: "nothing"},
		{Name: "calls"},
		{Name: "seccomp"},
		{Name: "nothing", Flags: newUser},
		{Name: "unshare", Flags: newUser, Map: true},
		{Name: "mounts", Flags: newUser | newPID | newNet | newIPC | newNS, Map: true},
	} {
		steps, err := try(t.Context(), trial)
		if err != nil && trial.Flags == 0 {
			t.Errorf("%s: %v", trial.Name, err)
		}
		for _, s := range steps {
			if s.Err == unix.EFAULT || s.Err == unix.EBADF {
				t.Errorf("%s: %s: %s: the probe is wrong, not the host", trial.Name, s.Name, s.Err)
			}
		}
	}
}

func TestUnknownProbe(t *testing.T) {
	if _, err := try(t.Context(), Trial{Name: "none of these"}); err == nil {
		t.Error("no error")
	}
	if Probe(nil) != 2 {
		t.Error("no arguments are fine")
	}
}

func TestParseSteps(t *testing.T) {
	got := parseSteps(strings.NewReader("mnt\t0\t\nbroken\nnet\tx\t\nnet\t1\tnot permitted\tat all\nbig\t99999\t\n"))
	want := []Step{{"mnt", 0, ""}, {"net", unix.EPERM, "not permitted\tat all"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// A step that was not reached fails with what stopped the trial.
func TestStepNotReached(t *testing.T) {
	for _, c := range []struct {
		o    outcome
		want unix.Errno
	}{
		{outcome{}, unix.ENOSYS},
		{outcome{err: unix.ENOSPC}, unix.ENOSPC},
		{outcome{err: &os.PathError{Err: unix.EACCES}}, unix.EACCES},
		{outcome{steps: []Step{{Name: "a"}, {Name: "b", Err: unix.EPERM}}}, unix.EPERM},
	} {
		if got := c.o.step("z").Err; got != c.want {
			t.Errorf("%+v: %s, want %s", c.o, got, c.want)
		}
	}
}

func FuzzParseSteps(f *testing.F) {
	f.Add("mnt\t0\t\n")
	f.Add("\t\t\t\n\n")
	f.Add(strings.Repeat("x", 70000))
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range parseSteps(strings.NewReader(text)) {
			if s.Err >= 4096 || strings.ContainsAny(s.Name, "\t\n") {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestScratch(t *testing.T) {
	top := t.TempDir()
	dir, remove, err := scratch(filepath.Join(top, "a/b"))
	if err != nil || filepath.Dir(dir) != top {
		t.Fatalf("%q, %v", dir, err)
	}
	// What overlay leaves.
	if err := os.MkdirAll(filepath.Join(dir, "work/work"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "work/work"), 0); err != nil {
		t.Fatal(err)
	}
	remove()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error(err)
	}
	file := filepath.Join(top, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := scratch(file); err == nil {
		t.Error("a file is taken for a directory")
	}
}
