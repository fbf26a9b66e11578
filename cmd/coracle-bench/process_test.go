package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const status = "Name:\tcoracle-supervi\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t412\nPid:\t412\nPPid:\t400\nTracerPid:\t0\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t5\t5\t5\n"

func TestParseStatus(t *testing.T) {
	got, err := parseStatus(status)
	if want := (process{PID: 412, PPID: 400, UID: 1000, Name: "coracle-supervi"}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "Name:\tx\n", strings.Replace(status, "PPid:", "Parent:", 1), strings.Replace(status, "\t412\nPPid", "\tx\nPPid", 1)} {
		if p, err := parseStatus(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

// fakeProc makes a directory like /proc of processes by pid: status and cmdline.
func fakeProc(t *testing.T, files map[string][2]string) string {
	t.Helper()
	dir := t.TempDir()
	for pid, f := range files {
		check(t, os.MkdirAll(filepath.Join(dir, pid), 0o755))
		check(t, os.WriteFile(filepath.Join(dir, pid, "status"), []byte(f[0]), 0o644))
		check(t, os.WriteFile(filepath.Join(dir, pid, "cmdline"), []byte(f[1]), 0o644))
	}
	check(t, os.MkdirAll(filepath.Join(dir, "sys"), 0o755))
	return dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestProcesses(t *testing.T) {
	zombie := strings.NewReplacer("412", "7", "coracle-supervi", "gone").Replace(status)
	dir := fakeProc(t, map[string][2]string{"412": {status, "/opt/coracle-supervisor\x00/run/x\x00"}, "7": {zombie, ""}})
	all, err := processes(dir)
	check(t, err)
	slices.SortFunc(all, func(a, b process) int { return a.PID - b.PID })
	want := []process{{7, 400, 1000, "gone"}, {412, 400, 1000, "coracle-supervisor"}}
	if !slices.Equal(all, want) {
		t.Errorf("got %+v, want %+v", all, want)
	}
	if _, err := readProcess(dir, 8); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("process 8: %v", err)
	}
	check(t, os.WriteFile(filepath.Join(dir, "7", "status"), []byte("?"), 0o644))
	if _, err := processes(dir); err == nil || !strings.Contains(err.Error(), "7/status") {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := processes(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("no directory, no error")
	}
}

func TestDescendants(t *testing.T) {
	all := []process{{PID: 1}, {PID: 2, PPID: 1}, {PID: 3, PPID: 2}, {PID: 4, PPID: 2}, {PID: 5, PPID: 4}, {PID: 6, PPID: 1}}
	for pid, want := range map[int][]int{2: {3, 4, 5}, 1: {2, 3, 4, 5, 6}, 5: nil} {
		if got := pids(descendants(all, pid, nil)); !slices.Equal(got, want) {
			t.Errorf("below %d are %v, want %v", pid, got, want)
		}
	}
	if got := pids(descendants(all, 1, map[int]bool{4: true})); !slices.Equal(got, []int{2, 3, 6}) {
		t.Errorf("without 4: %v", got)
	}
}

func pids(all []process) []int {
	set := map[int]bool{}
	for _, p := range all {
		set[p.PID] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func TestChildren(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	got, err := children()
	in.Close()
	check(t, cmd.Wait())
	if err != nil || !slices.Contains(got, cmd.Process.Pid) {
		t.Errorf("children are %v, %v; %d is missing", got, err, cmd.Process.Pid)
	}
	if got, err = children(); err != nil || slices.Contains(got, cmd.Process.Pid) {
		t.Errorf("children are %v, %v; %d has ended", got, err, cmd.Process.Pid)
	}
}
