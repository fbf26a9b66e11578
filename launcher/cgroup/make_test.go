package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Directories of any file system can be held and swept.
func TestHoldAndSweep(t *testing.T) {
	parent := t.TempDir()
	named := func(c string) string { return filepath.Join(parent, prefix+strings.Repeat(c, 64)) }
	held, err := Group{Unified: named("a")}.make()
	if err != nil {
		t.Fatal(err)
	}
	also, err := Hold(held.Group)
	if err != nil || also.FD() < 0 {
		t.Fatalf("a second holder: %v", err)
	}
	held.Close()
	if held.FD() != -1 || (*Held)(nil).FD() != -1 {
		t.Error("a descriptor of nothing")
	}
	for _, dir := range []string{named("b"), filepath.Join(named("c")+".scope", containerDir), filepath.Join(parent, "coracle-other"), filepath.Join(parent, prefix+"xyz")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	also.Sweep()
	for dir, want := range map[string]bool{
		named("a"): true, named("b"): false, filepath.Join(named("c")+".scope", containerDir): false,
		filepath.Join(parent, "coracle-other"): true, filepath.Join(parent, prefix+"xyz"): true,
	} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(dir), err == nil, want)
		}
	}
	also.RemoveUnheld() // it is held
	if _, err := os.Stat(named("a")); err != nil {
		t.Error("a held group was removed")
	}
	also.Close()
	also.RemoveUnheld()
	if _, err := os.Stat(named("a")); err == nil {
		t.Error("a group that nobody holds stays")
	}
	if _, err := Hold(held.Group); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a group that is gone: %v", err)
	}
}

// What a killed launch has left under the same name goes first.
func TestMakeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), prefix+id)
	if err := os.MkdirAll(filepath.Join(dir, "in", "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	h, err := Group{Unified: dir}.make()
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "again"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.Clear()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("after clearing: %v, %v", entries, err)
	}
	h.Remove()
	if _, err := os.Stat(dir); err == nil {
		t.Error("it is still there")
	}
}

func TestEnable(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a")
	fill(t, top, map[string]string{"cgroup.controllers": "cpu memory pids", "cgroup.subtree_control": ""})
	fill(t, dir, map[string]string{"cgroup.controllers": "pids", "cgroup.subtree_control": "pids"})
	if err := enable(dir, top, []string{"pids", "memory"}); err != nil {
		t.Fatal(err)
	}
	if a, b := textOf(top, "cgroup.subtree_control"), textOf(dir, "cgroup.subtree_control"); !strings.HasPrefix(a, "+memory") || !strings.HasPrefix(b, "+memory") {
		t.Errorf("%q, %q", a, b)
	}
	if err := enable(filepath.Join(top, "none"), top, []string{"io"}); err == nil || !strings.Contains(err.Error(), "io controller") {
		t.Error(err)
	}
	if err := (Group{V1: map[string]string{"memory": dir}}).Enable(memoryLimit(1)); err != nil {
		t.Errorf("version 1 has nothing to enable: %v", err)
	}
	g := Group{Unified: filepath.Join(dir, "in")}
	fill(t, g.Unified, map[string]string{"cgroup.controllers": "pids"})
	if err := g.Enable(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: p(int64(5))}}); err != nil {
		t.Error(err)
	}
	if err := g.Enable(memoryLimit(1 << 20)); err != nil {
		t.Error(err)
	}
}

// A cgroup of version 1 gets the processors and memory nodes of its parent.
func TestInherit(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "x")
	fill(t, parent, map[string]string{"cpuset.cpus": "0-3\n", "cpuset.mems": "0\n"})
	fill(t, dir, map[string]string{"cpuset.cpus": "\n", "cpuset.mems": "1\n"})
	inherit(dir)
	if c, m := textOf(dir, "cpuset.cpus"), textOf(dir, "cpuset.mems"); !strings.HasPrefix(c, "0-3") || m != "1\n" {
		t.Errorf("%q, %q", c, m)
	}
}
