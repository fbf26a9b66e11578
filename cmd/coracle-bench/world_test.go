package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWorld(t *testing.T) {
	w := &world{Home: filepath.Join(t.TempDir(), "home"), Run: filepath.Join(t.TempDir(), "run")}
	check(t, w.prepare())
	for _, file := range []string{"storage.conf", "policy.json"} {
		if fi, err := os.Stat(w.path(".config/containers", file)); err != nil || fi.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if fi, err := os.Stat(w.Run); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the run directory: %v, %v", fi, err)
	}
	if env := w.env(); !slices.Contains(env, "HOME="+w.Home) || !slices.Contains(env, "XDG_RUNTIME_DIR="+w.Run) {
		t.Errorf("environment is %v", env)
	}
	s := w.sub("store-1")
	if s.Home == w.Home || !strings.HasPrefix(s.Home, w.Home) || s.Run == w.Run || !strings.HasPrefix(s.Run, w.Run) {
		t.Errorf("inside %+v is %+v", w, s)
	}
	if got := w.data("coracle"); got != w.Home+"/.local/share/coracle" {
		t.Errorf("data is %s", got)
	}
}

func TestTemporaryWorld(t *testing.T) {
	cache, run := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(cache, "new"))
	t.Setenv("XDG_RUNTIME_DIR", run)
	w, err := temporaryWorld()
	check(t, err)
	if !strings.HasPrefix(w.Home, cache) || !strings.HasPrefix(w.Run, run) {
		t.Errorf("world is %+v", w)
	}
	check(t, w.prepare())
	check(t, w.remove())
	for _, dir := range []string{w.Home, w.Run} {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", "/nowhere/at/all")
	w, err = temporaryWorld()
	check(t, err)
	if !strings.HasPrefix(w.Run, w.Home) {
		t.Errorf("without a run directory: %+v", w)
	}
	check(t, w.remove())
}

func TestCopyProgram(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	check(t, os.WriteFile(from, []byte("new"), 0o600))
	check(t, os.WriteFile(to, []byte("much older"), 0o600))
	check(t, copyProgram(from, to))
	if data, err := os.ReadFile(to); err != nil || string(data) != "new" {
		t.Errorf("copied %q, %v", data, err)
	}
	if fi, err := os.Stat(to); err != nil || fi.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if err := copyProgram(filepath.Join(dir, "nothing"), to); err == nil {
		t.Error("copied nothing")
	}
}
