package processes

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const usual = "42 (a) b) S 7 42 41 34817 42 4194304 100 0 0 0 150 50 0 0 20 -5 3 0 1000 8192 2 18446744073709551615 1 1 0 0 0 0 0 0 0"

func TestParseStat(t *testing.T) {
	s, ok := parseStat(usual)
	want := Stat{
		Comm: "a) b", State: "S", HostPPID: 7, Group: 42, Session: 41, TTY: 34817, Foreground: 42, CPU: 2 * time.Second,
		Nice: -5, Threads: 3, StartedAfter: 10 * time.Second, VSZ: 8192, RSS: uint64(2 * os.Getpagesize()),
	}
	if !ok || s != want {
		t.Errorf("%+v, %v", s, ok)
	}
	for _, bad := range []string{"", "1", "1 (x", "1 x) S", "1 (x)", "1 (x) S 2 3", strings.Replace(usual, " 7 ", " x ", 1), strings.Replace(usual, " S ", " SS ", 1), strings.Replace(usual, " 1000 ", " 99999999999999999999 ", 1)} {
		if s, ok := parseStat(bad); ok {
			t.Errorf("%q: %+v", bad, s)
		}
	}
}

func TestTerminal(t *testing.T) {
	for tty, want := range map[int]string{0: "?", 34816: "pts/0", 34817: "pts/1", 136<<8 | 1<<20: "pts/256", 4<<8 | 2: "tty2", 204<<8 | 64: "204:64"} {
		if got := (Stat{TTY: tty}).Terminal(); got != want {
			t.Errorf("%d: %s, want %s", tty, got, want)
		}
	}
}

func TestParseStatus(t *testing.T) {
	s, ok := parseStatus("Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNSpid:\t99\t1\n")
	if !ok || s.HostUID != 2 || s.HostGID != 6 || len(s.NSpid) != 2 || s.NSpid[1] != 1 {
		t.Errorf("%+v, %v", s, ok)
	}
	for _, bad := range []string{"", "Uid:\t1\n", "Uid:\tx\ty\nNSpid:\t1\n", "NSpid:\n", "NSpid:\tx\n", "NSpid:\t0\n", "NSpid:\t-1\n"} {
		if s, ok := parseStatus(bad); ok {
			t.Errorf("%q: %+v", bad, s)
		}
	}
}

func TestMap(t *testing.T) {
	m := parseMap("         0       1000          1\n         1     100000      65536\nx y z\n1 2\n-1 2 3\n")
	for id, want := range map[int]int{1000: 0, 100000: 1, 165535: 65536, 165536: Outside, 0: Outside, 999: Outside} {
		if got := translate(m, id); got != want || len(m) != 2 {
			t.Errorf("%d: %d, want %d", id, got, want)
		}
	}
}

// contained starts a shell with a child in namespaces of its own.
func contained(t *testing.T, flags uintptr) int {
	t.Helper()
	cmd := exec.Command("sh", "-c", "sleep 1001 & sleep 1002")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: flags, Pdeathsig: unix.SIGKILL, Setpgid: true,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 5, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 6, HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Wait()
	})
	for range 5000 {
		if l, err := List(cmd.Process.Pid); err == nil && len(l) == 3 && l[1].Comm == "sleep" && l[2].Comm == "sleep" {
			return cmd.Process.Pid
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the processes do not show")
	return 0
}

func TestList(t *testing.T) {
	for name, tt := range map[string]struct {
		flags uintptr
		own   bool
	}{
		"pid namespace": {flags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID, own: true},
		"the host's":    {flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS},
	} {
		first := contained(t, tt.flags)
		list, err := List(first)
		if err != nil || len(list) != 3 {
			t.Fatalf("%s: %v, %v", name, list, err)
		}
		for i, p := range list {
			if p.UID != 5 || p.GID != 6 || p.HostUID != os.Getuid() || p.State == "" || p.Terminal() == "" || time.Since(p.Started) > time.Hour || p.Started.After(time.Now().Add(2*time.Second)) {
				t.Errorf("%s: %+v", name, p)
			}
			if (p.PID != p.HostPID) != tt.own {
				t.Errorf("%s: pid %d, here %d", name, p.PID, p.HostPID)
			}
			if i > 0 && (p.PPID != list[0].PID || len(p.Args) != 2 || p.Args[0] != "sleep") {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if h := list[0]; h.HostPID != first || h.PPID != 0 || h.Args[0] != "sh" || tt.own && h.PID != 1 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if l, err := List(1 << 30); err == nil {
		t.Errorf("of nobody: %v", l)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(usual)
	f.Add("Uid:\t1\t2\nGid:\t3\t4\nNSpid:\t1\n")
	f.Add("0 1000 1\n")
	f.Fuzz(func(t *testing.T, s string) {
		if st, ok := parseStat(s); ok && (!strings.Contains(s, "("+st.Comm+")") || len(st.State) != 1) {
			t.Errorf("%q: %+v", s, st)
		}
		if st, ok := parseStatus(s); ok && (len(st.NSpid) == 0 || st.HostUID < 0 || st.HostGID < 0) {
			t.Errorf("%q: %+v", s, st)
		}
		for _, e := range parseMap(s) {
			if e.inside < 0 || e.outside < 0 || e.size < 0 {
				t.Errorf("%q: %+v", s, e)
			}
		}
	})
}
