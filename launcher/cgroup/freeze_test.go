package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFreezer(t *testing.T) {
	root := t.TempDir()
	put(t, root, "new/cgroup.freeze", "0", "old/cgroup.procs", "", "v1/freezer.state", "THAWED")
	new, old, v1 := filepath.Join(root, "new"), filepath.Join(root, "old"), filepath.Join(root, "v1")
	for name, tt := range map[string]struct {
		g    Group
		want string
	}{
		"v2":               {Group{Unified: new}, new},
		"v2 before 5.2":    {Group{Unified: old}, ""},
		"v1":               {Group{V1: map[string]string{"freezer": v1}}, v1},
		"both":             {Group{Unified: new, V1: map[string]string{"freezer": v1}}, v1},
		"v1 without":       {Group{V1: map[string]string{"memory": v1}}, ""},
		"hybrid without":   {Group{Unified: new, V1: map[string]string{"memory": v1}}, new},
		"no group":         {},
		"its parts are v2": {Group{Unified: new, V1: map[string]string{"name=systemd": v1}}, new},
	} {
		if dir, ok := tt.g.Freezer(); ok != (tt.want != "") || ok && dir != tt.want {
			t.Errorf("%s: %q, %v", name, dir, ok)
		}
	}
	if _, err := Frozen(old); !errors.Is(err, ErrNoFreezer) {
		t.Error(err)
	}
	if err := Freeze(old); !errors.Is(err, ErrNoFreezer) {
		t.Error(err)
	}
	if _, err := Frozen(filepath.Join(root, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := Thaw(filepath.Join(root, "gone")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(old, freezeFile)); err == nil {
		t.Error("a file was made in a directory that is no group")
	}
}

func TestFrozen(t *testing.T) {
	root := t.TempDir()
	for text, want := range map[string]bool{"populated 1\nfrozen 1\n": true, "populated 1\nfrozen 0\n": false, "": false, "frozen 11\n": false} {
		put(t, root, "v2/cgroup.freeze", "1", "v2/cgroup.events", text)
		if is, err := Frozen(filepath.Join(root, "v2")); is != want || err != nil {
			t.Errorf("%q: %v, %v", text, is, err)
		}
	}
	for text, want := range map[string]bool{"FROZEN\n": true, "FREEZING\n": false, "THAWED\n": false, "": false} {
		put(t, root, "v1/freezer.state", text)
		if is, err := Frozen(filepath.Join(root, "v1")); is != want || err != nil {
			t.Errorf("%q: %v, %v", text, is, err)
		}
	}
}

// In real groups, made here: whichever of the two hierarchies root may use.
func TestFreeze(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: makes a control group")
	}
	own, err := Of(0)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for version, above := range map[string]string{"v1": own.V1["freezer"], "v2": own.Unified} {
		dir := filepath.Join(above, "coracle-freeze-"+strconv.Itoa(os.Getpid()))
		if above == "" || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		tried++
		func() {
			cmd := exec.Command("sh", "-c", "while :; do sleep 0.001; done")
			defer func() {
				_ = Thaw(dir)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				for range 1000 {
					if os.Remove(dir) == nil {
						return
					}
					time.Sleep(time.Millisecond)
				}
				t.Errorf("%s: %s is left", version, dir)
			}()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
				t.Fatal(err)
			}
			if is, err := Frozen(dir); is || err != nil {
				t.Errorf("%s: before: %v, %v", version, is, err)
			}
			if err := Freeze(dir); err != nil {
				t.Fatalf("%s: %v", version, err)
			}
			if is, err := Frozen(dir); !is || err != nil {
				t.Errorf("%s: %v, %v", version, is, err)
			}
			if !rests(t, cmd.Process.Pid) {
				t.Errorf("%s: it goes on", version)
			}
			if err := Thaw(dir); err != nil {
				t.Errorf("%s: %v", version, err)
			}
			if is, err := Frozen(dir); is || err != nil {
				t.Errorf("%s: after: %v, %v", version, is, err)
			}
			_ = unix.Kill(cmd.Process.Pid, unix.SIGKILL)
		}()
	}
	if tried == 0 {
		t.Skip("root: no control group can be made here")
	}
}

// rests tells whether a process that would run each millisecond does not for twenty
// times as long. It counts as frozen a moment before it leaves the processor.
func rests(t *testing.T, pid int) bool {
	t.Helper()
	for range 100 {
		before := cpuOf(t, pid)
		time.Sleep(20 * time.Millisecond)
		if cpuOf(t, pid) == before {
			return true
		}
	}
	return false
}

// cpuOf is what the scheduler counted for a process: it changes when that runs.
func cpuOf(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/schedstat")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func TestFreezerFirst(t *testing.T) {
	g := Group{Unified: "/u", V1: map[string]string{"cpu": "/b", "cpuacct": "/b", "blkio": "/a", "freezer": "/f", "pids": "/p"}}
	if got := g.dirs(); !slices.Equal(got, []string{"/f", "/a", "/b", "/p", "/u"}) {
		t.Errorf("%q", got)
	}
}
