package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"coracle/launcher/doctor"
)

// The scripts in testdata/script run the real program, bin/coracle, as an
// unprivileged user of their own. What they may say is in README there.

// suite is what all scripts share.
type suite struct {
	*testing.M
	dir string // of the program and of the names by which scripts start it
}

// theSuite is set once, by TestMain, before any test runs.
var theSuite *suite

func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if name == doctor.ProbeName {
		os.Exit(doctor.Probe(os.Args[1:]))
	}
	if name == tracerName {
		os.Exit(traceMain())
	}
	if kind, ok := kindOf(name); ok {
		fmt.Fprintln(os.Stderr, "script:", become(kind))
		os.Exit(126)
	}
	theSuite = &suite{M: m}
	os.Exit(theSuite.run())
}

func (s *suite) run() int {
	// Orphans become children of this process, so none escapes the last look.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "subreaper:", err)
		return 1
	}
	code := s.M.Run()
	accounts.close()
	left := orphans()
	for range 100 {
		if len(left) == 0 {
			break
		}
		// The first process of a pid namespace ends when all others there were waited for:
		// those that exec started became children of this process, if their supervisor was killed.
		for {
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != nil || pid <= 0 {
				break
			}
		}
		time.Sleep(10 * time.Millisecond)
		left = orphans()
	}
	if len(left) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: processes outlived all tests:\n%s", describe(left))
		killAll(left)
		code = max(code, 1)
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
	return code
}

// install puts the program where every user may run it, and beside it the
// names that scripts use, which start this test binary to change user first.
func (s *suite) install(t *testing.T) {
	t.Helper()
	program := os.Getenv("CORACLE_BIN")
	if program == "" {
		root, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("make", "-C", root, "build").CombinedOutput(); err != nil {
			t.Fatalf("make build: %v\n%s", err, out)
		}
		program = filepath.Join(root, "bin/coracle")
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "coracle-test-"); err != nil {
		t.Fatal(err)
	}
	dir := s.dir
	t.Cleanup(func() { os.RemoveAll(dir) }) // after the scripts, which are parallel
	self, err := os.Executable()
	check(t, err)
	check(t, os.Chmod(s.dir, 0o755))
	check(t, os.MkdirAll(s.real(), 0o755))
	check(t, os.MkdirAll(s.names(), 0o755))
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatalf("%v\n  fix: make build", err)
	}
	check(t, os.WriteFile(filepath.Join(s.real(), "coracle"), data, 0o755))
	for name := range kinds() {
		check(t, os.Symlink(self, filepath.Join(s.names(), name)))
	}
}

func (s *suite) real() string  { return filepath.Join(s.dir, "bin") }
func (s *suite) names() string { return filepath.Join(s.dir, "names") }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestScript(t *testing.T) {
	theSuite.install(t)
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"exits":    cmdExits,
		"forget":   cmdForget,
		"mkimage":  cmdMkimage,
		"registry": cmdRegistry,
	}
	for name := range kinds() {
		commands[name] = func(ts *testscript.TestScript, neg bool, args []string) { start(ts, neg, name, args) }
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setup,
		Condition:           condition,
		Cmds:                commands,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
	})
}

// start runs a command to its end: it must succeed, or with neg, fail.
func start(ts *testscript.TestScript, neg bool, name string, args []string) {
	if len(args) > 0 && strings.HasPrefix(args[len(args)-1], "&") && strings.HasSuffix(args[len(args)-1], "&") {
		ts.Fatalf("for the background: exec %s …", name)
	}
	err := ts.Exec(name, args...)
	var exit *exec.ExitError
	switch {
	case err == nil && neg:
		ts.Fatalf("unexpected success")
	case err != nil && !errors.As(err, &exit):
		ts.Fatalf("%s: %v", name, err)
	case err != nil && !neg:
		ts.Fatalf("unexpected failure: %v", err)
	}
}

// cmdExits is `exits N COMMAND…`: the exit status must be N.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND [ARG…]")
	}
	want, err := strconv.ParseUint(args[0], 10, 8)
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil && want == 0:
	case err == nil:
		ts.Fatalf("exit status 0, want %d", want)
	case !errors.As(err, &exit):
		ts.Fatalf("%s: %v", args[1], err)
	case exit.ExitCode() != int(want):
		ts.Fatalf("%v, want exit status %d", exit, want)
	}
}

// condition answers what a script may ask in brackets.
func condition(cond string) (bool, error) {
	name, arg, _ := strings.Cut(cond, ":")
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "tun":
		fi, err := os.Stat("/dev/net/tun")
		return err == nil && (fi.Mode().Perm()&0o006 == 0o006 || os.Geteuid() != 0 && unix.Access("/dev/net/tun", unix.R_OK|unix.W_OK) == nil), nil
	case "cgroup2":
		var st unix.Statfs_t
		return unix.Statfs("/sys/fs/cgroup", &st) == nil && int64(st.Type) == unix.CGROUP2_SUPER_MAGIC, nil
	case "cgroup1":
		return unix.Access("/sys/fs/cgroup/memory/cgroup.procs", unix.W_OK) == nil, nil
	case "systemd":
		_, err := os.Stat("/run/systemd/system")
		return err == nil, nil
	case "kernel":
		return kernelAtLeast(arg)
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

func kernelAtLeast(version string) (bool, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false, err
	}
	var have, want [2]int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &have[0], &have[1]); err != nil {
		return false, err
	}
	if _, err := fmt.Sscanf(version, "%d.%d", &want[0], &want[1]); err != nil {
		return false, fmt.Errorf("kernel:%s: want kernel:MAJOR.MINOR", version)
	}
	return have[0] > want[0] || have[0] == want[0] && have[1] >= want[1], nil
}

// scriptLimit is when a script counts as hanging: what it started is killed
// then, which also ends a wait for output that nobody will write.
const scriptLimit = 3 * time.Minute

func TestConditions(t *testing.T) {
	for cond, want := range map[string]bool{"kernel:2.6": true, "kernel:99.0": false, "root": os.Geteuid() == 0} {
		if got, err := condition(cond); err != nil || got != want {
			t.Errorf("[%s] is %v, %v", cond, got, err)
		}
	}
	for _, cond := range []string{"moon", "kernel:six"} {
		if _, err := condition(cond); err == nil {
			t.Errorf("[%s] is known", cond)
		}
	}
}
