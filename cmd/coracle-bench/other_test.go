package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// testAccount makes a user, removed when the test ends.
func testAccount(t *testing.T) *account {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("root: only root makes users")
	}
	a, err := openAccount("coracle-bench-test")
	check(t, err)
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Errorf("cannot remove the user: %v", err)
		}
	})
	return a
}

func TestAccount(t *testing.T) {
	check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	a := testAccount(t)
	if !a.owns(a.uid) || a.owns(0) || a.uid == 0 {
		t.Errorf("account is %+v", a)
	}
	if _, err := openAccount(a.name); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("taken twice: %v", err)
	}
	// One that was left behind is taken over: here, while its lock is open.
	a.lock.Close()
	again, err := openAccount(a.name)
	check(t, err)
	if again.uid != a.uid || again.home != a.home {
		t.Errorf("first %+v, then %+v", a, again)
	}
	a.lock = again.lock
}

// Whatever the user runs ends, also what has left its parent; others' does not.
func TestAccountKillsItsOwn(t *testing.T) {
	check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	a := testAccount(t)
	theirs := exec.Command("sh", "-c", "sleep 600 & setsid sleep 600 & echo started; wait")
	theirs.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
	out, err := theirs.StdoutPipe()
	check(t, err)
	check(t, theirs.Start())
	_, err = out.Read(make([]byte, 8))
	check(t, err)
	other := exec.Command("sleep", "600")
	check(t, other.Start())
	check(t, a.killAll())
	all, err := processes("/proc")
	check(t, err)
	if i := slices.IndexFunc(all, func(p process) bool { return a.owns(p.UID) }); i >= 0 {
		t.Errorf("%+v is still there", all[i])
	}
	if p, err := readProcess("/proc", other.Process.Pid); err != nil || p.Name != "sleep" {
		t.Errorf("somebody else's process: %+v, %v", p, err)
	}
	check(t, other.Process.Kill())
	_ = other.Wait()
}

// A user of that name who is not ours stays untouched.
func TestAccountNotOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: only root makes users")
	}
	if _, err := openAccount("nobody"); err == nil || !strings.Contains(err.Error(), "did not make") {
		t.Errorf("took over nobody: %v", err)
	}
	check(t, os.Remove(filepath.Join(lockDir, "nobody")))
	if _, err := user.Lookup("nobody"); err != nil {
		t.Error(err)
	}
}

// The worker is the user, in mounts of its own, on its own copy of the program.
func TestAccountMeasures(t *testing.T) {
	check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	a := testAccount(t)
	dir := t.TempDir() // which the user cannot enter
	program := filepath.Join(dir, "coracle")
	check(t, os.WriteFile(program, []byte("#!/bin/sh\nexec >$HOME/seen; id -un; echo $0; stat -f -c %T $XDG_RUNTIME_DIR; echo end; exit 1\n"), 0o700))
	if err := a.measure(context.Background(), options{Coracle: program, Rounds: 1}, io.Discard); !errors.Is(err, errReported) {
		t.Errorf("a coracle that always fails: %v", err)
	}
	seen, err := os.ReadFile(filepath.Join(a.home, "seen"))
	check(t, err)
	want := a.name + "\n" + a.home + "/bin/coracle\n"
	if !strings.HasPrefix(string(seen), want) || !strings.HasSuffix(string(seen), "end\n") {
		t.Errorf("the program saw %q, want %q", seen, want)
	}
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || strings.Contains(string(mounts), a.home) {
		t.Errorf("mounts are seen outside: %v\n%s", err, mounts)
	}
	if _, err := os.Stat(filepath.Join(a.home, "run", "containers")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("run-time files outlive the worker: %v", err)
	}
}
