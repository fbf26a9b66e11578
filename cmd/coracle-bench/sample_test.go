package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// shell makes a command of a script.
func shell(t *testing.T, script string) []string {
	t.Helper()
	sh, err := exec.LookPath("sh")
	check(t, err)
	sh, err = filepath.Abs(sh)
	check(t, err)
	return []string{sh, "-c", script}
}

func testSampler(t *testing.T) (*sampler, *world) {
	t.Helper()
	// As in main: orphans come here.
	check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	s, err := newSampler()
	check(t, err)
	t.Cleanup(s.close)
	return s, &world{Home: t.TempDir(), Run: t.TempDir()}
}

func TestSamplerRun(t *testing.T) {
	s, w := testSampler(t)
	got, err := s.run(w, shell(t, "test $HOME = "+w.Home), shell(t, "test $PWD = "+w.Home))
	if err != nil {
		t.Fatal(err)
	}
	if got.Wall <= 0 || got.Gone < got.Wall || got.CPU <= 0 {
		t.Errorf("sample is %+v", got)
	}
}

func TestSamplerFailure(t *testing.T) {
	s, w := testSampler(t)
	_, err := s.run(w, shell(t, "true"), shell(t, "echo one >&2; echo two >&2; echo three >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3: two; three") {
		t.Errorf("error is %v", err)
	}
	if _, err := s.run(w, shell(t, "true")); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	if _, err := s.run(w, []string{filepath.Join(w.Home, "nothing")}); err == nil {
		t.Error("ran what is not there")
	}
}

// What a program leaves behind is waited for, and counted.
func TestSamplerWaitsForOrphans(t *testing.T) {
	s, w := testSampler(t)
	done := filepath.Join(w.Home, "done")
	got, err := s.run(w, shell(t, "(while [ ! -e go ]; do :; done; echo >"+done+") & echo >go"))
	check(t, err)
	if _, err := os.Stat(done); err != nil {
		t.Errorf("the orphan was not waited for: %v", err)
	}
	if got.Gone < got.Wall {
		t.Errorf("all were gone before the answer: %+v", got)
	}
}

func TestKeepers(t *testing.T) {
	s, w := testSampler(t)
	started, err := s.start(w, [][]string{shell(t, "exec sleep 600")})
	check(t, err)
	if s.settle(0) {
		t.Error("settled while a process runs")
	}
	if left := s.left(); !strings.Contains(left, "pid") {
		t.Errorf("left are %q", left)
	}
	if names := s.adopt(); len(names) != 1 || !s.keepers[started[0].Pid] {
		t.Errorf("adopted %v: %v", names, s.keepers)
	}
	if !s.settle(0) {
		t.Error("a keeper is waited for")
	}
	if names := s.adopt(); len(names) != 0 {
		t.Errorf("adopted again: %v", names)
	}
	if _, err := s.run(w, shell(t, "true")); err != nil {
		t.Errorf("beside a keeper: %v", err)
	}
}

func TestLastLines(t *testing.T) {
	for text, want := range map[string]string{"": "", "one\n": "one", "one\ntwo\n\n": "one; two", "one\ntwo\nthree": "two; three"} {
		if got := lastLines(text, 2); got != want {
			t.Errorf("last lines of %q are %q, want %q", text, got, want)
		}
	}
}
