package processes

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseUse(t *testing.T) {
	line := "7 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 100 20 3 4 20 0 5 0 99 4096 6 0"
	u, ok := parseUse(line)
	want := Use{CPU: 1270 * time.Millisecond, System: 240 * time.Millisecond, Memory: 6 * uint64(os.Getpagesize()), Threads: 5}
	if !ok || u != want {
		t.Errorf("%+v, %v", u, ok)
	}
	for _, bad := range []string{"", "7 (x)", strings.Replace(line, " 100 20 ", " 100 x ", 1), strings.Replace(line, " 6 0", " -6 0", 1), strings.Replace(line, " 100 20 ", " 100 99999999999999 ", 1)} {
		if u, ok := parseUse(bad); ok {
			t.Errorf("%q: %+v", bad, u)
		}
	}
}

func TestKeyed(t *testing.T) {
	text := "Rss:   5 kB\nPss:                 1201 kB\nPss_Dirty:  7 kB\nwrite_bytes: 8\nbad: x\nempty:\nlarge: 99999999999999999\n"
	for key, want := range map[string]uint64{"Pss": 1201 << 10, "Rss": 5 << 10, "write_bytes": 8 << 10} {
		if n, ok := keyed(text, key, 1<<10); n != want || !ok {
			t.Errorf("%s: %d, %v", key, n, ok)
		}
	}
	for _, key := range []string{"bad", "empty", "none", "large", ""} {
		if n, ok := keyed(text, key, 1<<10); ok {
			t.Errorf("%s: %d", key, n)
		}
	}
}

func TestSum(t *testing.T) {
	self := Sum([]int{os.Getpid()})
	if self.Memory == 0 || self.Threads < 2 || self.NoIO || self.CPU < self.System {
		t.Errorf("%+v", self)
	}
	if twice := Sum([]int{os.Getpid(), os.Getpid()}); twice.Memory < self.Memory+self.Memory/2 {
		t.Errorf("%d and once more: %d", self.Memory, twice.Memory)
	}
	if u := Sum([]int{1 << 30}); u != (Use{}) {
		t.Errorf("of nobody: %+v", u)
	}
	// What a child used stays with who waited for it.
	before := Sum([]int{os.Getpid()}).CPU
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	if after := Sum([]int{os.Getpid()}).CPU; after <= before {
		t.Errorf("%v, after a child's work %v", before, after)
	}
}

func TestMembers(t *testing.T) {
	first := contained(t, unix.CLONE_NEWUSER|unix.CLONE_NEWPID)
	second := contained(t, unix.CLONE_NEWUSER|unix.CLONE_NEWPID)
	a, b := Namespace(first), Namespace(second)
	m, err := Members(a, b, 1)
	if err != nil || len(m) != 2 || len(m[a]) != 3 || len(m[b]) != 3 || m[a][0] != first || slices.Contains(m[b], first) {
		t.Errorf("%v, %v", m, err)
	}
	if m, err := Members(0); len(m) != 0 || err != nil || Namespace(1<<30) != 0 {
		t.Errorf("of no namespace: %v, %v", m, err)
	}
	own := inode("/proc/self/ns/pid")
	if m, err := Members(own); err != nil || !slices.Contains(m[own], os.Getpid()) {
		t.Errorf("its own: %v, %v", m, err)
	}
}

// A namespace below another one is in that, too.
func TestMembersBelow(t *testing.T) {
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--pid", "--fork", "sleep", "1003")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID, Pdeathsig: unix.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ns := Namespace(cmd.Process.Pid)
	var m map[uint64][]int
	for range 2000 {
		if m, _ = Members(ns); len(m[ns]) == 2 && Namespace(m[ns][1]) != ns {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%v in %d", m, ns)
}

func TestStopped(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if Stopped(pid) || Stopped(os.Getpid()) {
		t.Error("it runs")
	}
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, "it does not stop", func() bool { return Stopped(pid) })
	if err := unix.Kill(pid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await(t, "it does not go on", func() bool { return !Stopped(pid) })
	_ = cmd.Process.Kill()
	await(t, "a zombie runs", func() bool { return Stopped(pid) })
	_ = cmd.Wait()
	if !Stopped(1 << 30) {
		t.Error("nobody runs")
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 5000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error(what)
}

func TestStateAndPending(t *testing.T) {
	for s, want := range map[string]byte{"1 (a) T 0": 'T', "1 (a) R) S (x) t 0": 't', "1 (a)": 0, "": 0, "1 a T": 0, "1 (a)T": 0} {
		if got := state(s); got != want {
			t.Errorf("%q: %q", s, got)
		}
	}
	for s, want := range map[string]bool{
		"SigPnd:\t0000000000040000\nShdPnd:\t0000000000040000\n": true, "ShdPnd:\t0000000000000000\n": false, "SigPnd:\t0000000000040000\n": false, "ShdPnd:\tx\n": false, "": false,
	} {
		if got := pending(s, unix.SIGSTOP); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func FuzzUse(f *testing.F) {
	f.Add("7 (x) S 1 1 1 0 -1 0 0 0 0 0 100 20 3 4 20 0 5 0 99 4096 6 0")
	f.Add("Pss: 5 kB\nread_bytes: 9\nShdPnd:\t0000000000040000\n")
	f.Fuzz(func(t *testing.T, s string) {
		if u, ok := parseUse(s); ok && (u.CPU < u.System || u.System < 0) {
			t.Errorf("%q: %+v", s, u)
		}
		keyed(s, "Pss", 1<<10)
		state(s)
		pending(s, unix.SIGSTOP)
	})
}
