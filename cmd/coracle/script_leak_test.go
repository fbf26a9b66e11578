package main_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// process is what /proc says of one.
type process struct {
	pid, parent int
	uid         uint64
	state       string
	command     string
	environ     string
}

// running lists all processes but this one, zombies left out.
func running() []process {
	entries, _ := os.ReadDir("/proc")
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if p, ok := readProcess(pid); ok && p.state != "Z" && p.state != "X" {
			all = append(all, p)
		}
	}
	return all
}

func readProcess(pid int) (process, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return process{}, false
	}
	p := process{pid: pid}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "State:":
			p.state = f[1]
		case "PPid:":
			p.parent, _ = strconv.Atoi(f[1])
		case "Uid:":
			p.uid, _ = strconv.ParseUint(f[1], 10, 32)
		}
	}
	command, _ := os.ReadFile(dir + "/cmdline")
	environ, _ := os.ReadFile(dir + "/environ")
	p.command = strings.TrimSpace(string(bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
	p.environ = "\x00" + string(environ)
	return p, true
}

// processes lists what the script left running: whatever runs under the ids
// of its users, has its work directory in its environment, or descends from
// such a process.
func (s *script) processes() []process {
	var mine []process
	known := map[int]bool{}
	all := running()
	for again := true; again; {
		again = false
		for _, p := range all {
			if !known[p.pid] && (s.owns(p) || known[p.parent]) {
				known[p.pid], again = true, true
				mine = append(mine, p)
			}
		}
	}
	return mine
}

func (s *script) owns(p process) bool {
	if strings.Contains(p.environ, "\x00WORK="+s.work+"\x00") {
		return true
	}
	for _, a := range s.users {
		// Root's processes, and when root does not test, the tester's own ones,
		// are not all the script's.
		if a.lock != nil && a.owns(p.uid) {
			return true
		}
	}
	return false
}

// orphans lists the processes that ended up as children of this one.
func orphans() []process {
	return slices.DeleteFunc(running(), func(p process) bool { return p.parent != os.Getpid() })
}

func describe(list []process) string {
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "  pid %d, parent %d, uid %d: %.200s\n", p.pid, p.parent, p.uid, p.command)
	}
	return b.String()
}

func killAll(list []process) {
	for _, p := range list {
		_ = unix.Kill(p.pid, unix.SIGKILL)
	}
}

// leaks says what is left of the script: lines of text, none when all is gone.
func (s *script) leaks() []string {
	var found []string
	for _, p := range s.processes() {
		found = append(found, "process: "+strings.TrimSpace(describe([]process{p})))
	}
	found = append(found, mountsBelow("/proc/self/mountinfo", s.work, s.run)...)
	for who, a := range s.users {
		env := defaults(who, a.name, s.work, s.run)
		data := filepath.Join(env["XDG_DATA_HOME"], "coracle")
		for _, dir := range []string{"scratch", "trash"} {
			entries, _ := os.ReadDir(filepath.Join(data, dir))
			for _, e := range entries {
				found = append(found, fmt.Sprintf("in %s's %s: %s", who, dir, e.Name()))
			}
		}
		found = append(found, heldLocks(env["XDG_DATA_HOME"])...)
		found = append(found, heldLocks(env["XDG_RUNTIME_DIR"])...)
		if a.lock != nil {
			found = append(found, cgroupsOf(a.uid)...)
		}
	}
	return found
}

// mountsBelow lists mounts of a mountinfo file at or below any of the
// directories: proc_pid_mountinfo(5), field 5.
func mountsBelow(path string, dirs ...string) (found []string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return []string{err.Error()}
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		for _, dir := range dirs {
			if f[4] == dir || strings.HasPrefix(f[4], dir+"/") {
				found = append(found, "mount: "+strings.TrimSpace(line))
			}
		}
	}
	return found
}

// heldLocks lists lock files below dir that somebody holds, by flock(2) or
// fcntl(2). It does not look into root file systems.
func heldLocks(dir string) (found []string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && slices.Contains([]string{"upper", "work", "root", "diff", "merged"}, e.Name()):
			return fs.SkipDir
		case e.Type().IsRegular() && strings.HasSuffix(e.Name(), "lock") || strings.HasSuffix(e.Name(), ".lck"):
			if held(path) {
				found = append(found, "held lock: "+path)
			}
		}
		return nil
	})
	return found
}

func held(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	probe := unix.Flock_t{Type: unix.F_WRLCK}
	if unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &probe) == nil && probe.Type != unix.F_UNLCK {
		return true
	}
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// reapTime is how long what a finished command leaves behind may take to go:
// supervisors report first and clean up afterwards.
const reapTime = 2 * time.Second

// wait waits until nothing is left, and returns what is after reapTime.
func (s *script) wait() []string {
	found := s.leaks()
	for end := time.Now().Add(reapTime); len(found) > 0 && time.Now().Before(end); found = s.leaks() {
		time.Sleep(20 * time.Millisecond)
	}
	return found
}

// finish checks that nothing is left of the script, and gives its users back.
func (s *script) finish(t testing.TB) {
	found := s.wait()
	// A script that failed half way was not at the point where all is gone.
	if len(found) > 0 && !t.Failed() {
		t.Errorf("left behind:\n  %s", strings.Join(found, "\n  "))
	}
	for range 100 { // one process may start another while it is killed
		left := s.processes()
		if len(left) == 0 {
			break
		}
		killAll(left)
		time.Sleep(10 * time.Millisecond)
	}
	for who, stem := range s.stems {
		accounts.give(stem, s.users[who])
	}
	remove(s.run, filepath.Join(s.work, ".home"))
}

// remove deletes directories that hold files of sub-ids, which root may, and
// a user only as root of a user namespace that has them.
func remove(dirs ...string) {
	for _, dir := range dirs {
		if os.Geteuid() == 0 || os.RemoveAll(dir) == nil {
			_ = os.RemoveAll(dir)
			continue
		}
		_ = exec.Command("unshare", "--map-root-user", "--map-auto", "rm", "-rf", dir).Run()
	}
}

// Everything that a script could leave must be seen.
func TestLeaks(t *testing.T) {
	a, err := accounts.take(userStem)
	check(t, err)
	defer accounts.give(userStem, a)
	s := &script{work: t.TempDir(), run: t.TempDir(), users: map[string]*account{"user": a}}
	if found := s.leaks(); len(found) > 0 {
		t.Fatalf("before anything happened: %q", found)
	}
	env := defaults("user", a.name, s.work, s.run)
	container := filepath.Join(env["XDG_DATA_HOME"], "coracle/scratch/0123")
	check(t, os.MkdirAll(container, 0o700))
	check(t, os.MkdirAll(env["XDG_RUNTIME_DIR"], 0o700))
	var open []*os.File
	for _, path := range []string{filepath.Join(container, "lock"), filepath.Join(env["XDG_RUNTIME_DIR"], "flock")} {
		f, err := os.Create(path)
		check(t, err)
		open = append(open, f)
	}
	check(t, unix.FcntlFlock(open[0].Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK}))
	check(t, unix.Flock(int(open[1].Fd()), unix.LOCK_SH))

	cmd := exec.Command("sleep", "60")
	cmd.Env = []string{"WORK=" + s.work}
	check(t, cmd.Start())
	wants := []string{"sleep 60", "in user's scratch: 0123", "0123/lock", "flock"}
	if os.Geteuid() == 0 {
		// Nothing tells whose this is but the user; a sub-id's is the user's too.
		other := exec.Command("sleep", "61")
		other.Env = []string{}
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.subs[0][0]) + 7, Gid: 65534}}
		check(t, other.Start())
		defer other.Wait()
		wants = append(wants, "sleep 61")
	}
	found := strings.Join(s.leaks(), "\n")
	for _, want := range wants {
		if !strings.Contains(found, want) {
			t.Errorf("%q is not seen in\n%s", want, found)
		}
	}
	killAll(s.processes())
	_ = cmd.Wait()
	for _, f := range open {
		f.Close()
	}
	check(t, os.RemoveAll(container))
	s.wait()
	if found := s.leaks(); len(found) > 0 {
		t.Errorf("after all was removed: %q", found)
	}
}

func TestMountsBelow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mountinfo")
	check(t, os.WriteFile(path, []byte("1 2 0:1 / /w rw - ext4 a b\n3 1 0:2 / /w/sub rw - tmpfs a b\n4 1 0:3 / /ww rw - tmpfs a b\n"), 0o600))
	if got := mountsBelow(path, "/w"); len(got) != 2 {
		t.Error(got)
	}
	if got := mountsBelow(path, "/x"); len(got) != 0 {
		t.Error(got)
	}
}
