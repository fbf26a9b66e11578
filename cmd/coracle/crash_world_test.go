package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crashWorld is a user with a home that can be put back to an earlier state, for
// commands that are killed half way.
type crashWorld struct {
	t    *testing.T
	s    *script
	user *account
	home string // the user's HOME; what is in images/ below it stays
	env  []string
	// inside is a process in the mount namespace that has the home, 0: this one's.
	inside int
}

// newCrashWorld makes a user's home. The program must be installed for commands
// other than the tracer's own tests.
func newCrashWorld(t *testing.T) *crashWorld {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("root: makes users of its own, and traces")
	}
	a, err := accounts.take(userStem)
	check(t, err)
	work, err := os.MkdirTemp("", "crash") // not t.TempDir: closed to others, and deeper
	check(t, err)
	run, err := os.MkdirTemp("", "cr")
	check(t, err)
	s := &script{work: work, run: run, users: map[string]*account{"user": a}, stems: map[string]string{"user": userStem}}
	w := &crashWorld{t: t, s: s, user: a, home: filepath.Join(work, ".home/user")}
	for _, dir := range []string{work, run} {
		check(t, os.Chmod(dir, 0o711))
	}
	env := defaults("user", a.name, work, run)
	env["PATH"], env["LC_ALL"], env["CRASH_TEST"], env["TMPDIR"] = theSuite.real()+":"+systemPath, "C.UTF-8", "1", filepath.Join(w.home, "tmp")
	for key, value := range env {
		w.env = append(w.env, key+"="+value)
	}
	slices.Sort(w.env)
	for _, dir := range []string{w.home, filepath.Join(w.home, "tmp"), env["XDG_DATA_HOME"], env["XDG_RUNTIME_DIR"]} {
		check(t, os.MkdirAll(dir, 0o700))
	}
	check(t, chown(filepath.Join(work, ".home"), a))
	check(t, chown(run, a))
	check(t, os.Chmod(run, 0o711))
	t.Cleanup(func() {
		s.finish(t)
		remove(work)
	})
	return w
}

// coracle runs the program, and fails the test unless it exits with one of the
// statuses; none means 0.
func (w *crashWorld) coracle(args []string, statuses ...int) string {
	w.t.Helper()
	out, status := w.try(append([]string{filepath.Join(theSuite.real(), "coracle")}, args...))
	if status != 0 && len(statuses) == 0 || len(statuses) > 0 && !slices.Contains(statuses, status) {
		w.t.Errorf("coracle %s: status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

func (w *crashWorld) try(argv []string) (output string, status int) {
	w.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = w.env, w.home
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(w.user.uid), Gid: uint32(w.user.gid), Groups: []uint32{uint32(w.user.gid)}},
		Setsid:     true,
	}
	if w.inside != 0 {
		enter := []string{"-t", strconv.Itoa(w.inside), "-m", "--wd=" + w.path(""), "--", "setpriv", "--reuid", w.user.name, "--regid", w.user.name, "--clear-groups", "--"}
		cmd = exec.Command("nsenter", append(enter, argv...)...)
		cmd.Env = w.env
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	watchdog := time.AfterFunc(2*traceLimit, func() {
		w.t.Errorf("%q did not end:\n%s", argv, describe(w.s.processes()))
		killAll(w.s.processes())
	})
	defer watchdog.Stop()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		w.t.Fatalf("%q: %v", argv, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// trace runs a command under the tracer, as the user, with everything it starts
// waited for.
func (w *crashWorld) trace(job traceJob) traceResult {
	w.t.Helper()
	job.UID, job.GID, job.Env, job.Dir = w.user.uid, w.user.gid, w.env, w.home
	self, err := os.Executable()
	check(w.t, err)
	input, err := json.Marshal(job)
	check(w.t, err)
	cmd := exec.Command(self)
	cmd.Args = []string{tracerName}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	check(w.t, err)
	var result traceResult
	check(w.t, json.Unmarshal(output, &result))
	for _, p := range result.Hung {
		w.t.Errorf("%q, killed before %s: a process did not end: %s", job.Argv, result.Killed, p)
	}
	return result
}

// save keeps the home as it is; back puts it back.
func (w *crashWorld) save() (saved string) {
	w.t.Helper()
	saved = w.home + fmt.Sprintf(".saved-%d", time.Now().UnixNano())
	w.copy(w.home, saved)
	return saved
}

func (w *crashWorld) back(saved string) {
	w.t.Helper()
	check(w.t, os.RemoveAll(w.home))
	w.copy(saved, w.home)
}

func (w *crashWorld) copy(from, to string) {
	w.t.Helper()
	// With times and hard links: names of containers are such, records know times.
	if out, err := exec.Command("cp", "-a", "--reflink=auto", from, to).CombinedOutput(); err != nil {
		w.t.Fatalf("cp -a %s %s: %v: %s", from, to, err, out)
	}
}

// listing is what lies in the data directory, for comparison: names that are
// chosen at random are replaced, what may or may not be there is left out.
func (w *crashWorld) listing() []string {
	w.t.Helper()
	var all []string
	root := w.path("data")
	random := regexp.MustCompile(`\b[0-9a-f]{64}\b|\b[A-Z0-9]{26}\b`)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if optional(name, path, e) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := info.Mode().String() + " " + name
		if strings.HasPrefix(name, "coracle/") || strings.HasPrefix(filepath.Base(filepath.Dir(name)), "l") {
			line = random.ReplaceAllString(line, "ID")
		}
		if info.Mode().IsRegular() && strings.Contains(name, "/diff/") {
			line += fmt.Sprintf(" %d bytes", info.Size())
		}
		all = append(all, line)
		return nil
	})
	check(w.t, err)
	slices.Sort(all)
	return all
}

// optional tells what may be there or not: locks and directories that are made
// when first needed, and records that make things faster.
func optional(name, path string, e fs.DirEntry) bool {
	switch base := filepath.Base(name); {
	case strings.HasPrefix(name, "coracle/records/"), strings.HasPrefix(name, "coracle/catalog"):
		return true
	case e.Type().IsRegular() && (strings.HasSuffix(base, ".lock") || base == "reserve" || name == "coracle/shifted/lock"):
		return true
	case e.Type().IsRegular() && (strings.HasPrefix(base, "volatile-") || strings.HasPrefix(base, ".has-") || base == "defaultNetworkBackend" || base == "images.json" || base == "layers.json"):
		return true
	case e.IsDir() && (name == "coracle" || filepath.Dir(name) == "coracle" && !strings.HasPrefix(base, ".") || name == "coracle/incoming/layers"):
		return onlyOptional(name, path)
	case name == "containers/storage/overlay/tempdirs", name == "containers/storage/overlay/staging", name == "containers/storage/overlay-layers/tmp",
		name == "containers/storage/overlay/l", name == "containers/cache", strings.HasPrefix(name, "containers/storage/libpod"):
		return name != "containers/storage/overlay/l"
	}
	return false
}

// onlyOptional tells that a directory of ours holds nothing that counts.
func onlyOptional(name, path string) bool {
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if !optional(filepath.Join(name, e.Name()), filepath.Join(path, e.Name()), e) {
			return false
		}
	}
	return err == nil
}
