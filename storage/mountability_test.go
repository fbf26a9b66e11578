package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestProbes(t *testing.T) {
	if !inBase(t) {
		return
	}
	dir := t.TempDir()
	must(t, ProbeOverlay(dir))
	redirect, err := ProbeRedirect(dir)
	must(t, err)
	if left, err := readDir(dir); len(left) != 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}

	// An overlay takes no overlay as its upper directory: not even a mount is left.
	for _, d := range []string{"low", "up", "work", "on"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	fd, err := overlayOf(dir, []string{"lowerdir=low"}, []string{"upperdir=up", "workdir=work"})
	must(t, err)
	on := filepath.Join(dir, "on")
	must(t, unix.MoveMount(fd, "", unix.AT_FDCWD, on, unix.MOVE_MOUNT_F_EMPTY_PATH))
	unix.Close(fd)
	defer unix.Unmount(on, unix.MNT_DETACH)
	if err := ProbeOverlay(on); !errors.Is(err, ErrNoOverlay) || !strings.Contains(err.Error(), on) {
		t.Errorf("overlay on overlay: %v", err)
	}
	if works, err := ProbeRedirect(on); err != nil || works && !redirect {
		t.Errorf("overlay on overlay: %v, %v", works, err)
	}
	if left, err := readDir(on); len(left) != 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	must(t, os.Mkdir(filepath.Join(dir, "closed"), 0o555))
	if err := ProbeOverlay("/proc/self/fdinfo"); err == nil || errors.Is(err, ErrNoOverlay) {
		t.Errorf("nothing can be made there: %v", err)
	}
}

func TestHostFact(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := HostKey(data)
	if value, ok := HostFact(data, FactRoot, func(string) string { t.Error("asked for nothing"); return "" }); ok {
		t.Errorf("from nothing: %q", value)
	}
	must(t, WriteHostFact(data, FactRoot, key, string(RootFuse)))
	if value, ok := HostFact(data, FactRoot, HostKey); !ok || value != "fuse" {
		t.Errorf("%q, %v", value, ok)
	}
	if value, ok := HostFact(data, FactRoot, func(string) string { return "another-boot" }); ok {
		t.Errorf("of another boot: %q", value)
	}
	for _, damaged := range []string{"", "v1", "v2 " + key + " copy", "v1 " + key + " copy more", strings.Repeat("x", 5000)} {
		must(t, os.WriteFile(filepath.Join(data, hostDir, FactRoot), []byte(damaged), 0o600))
		if value, ok := HostFact(data, FactRoot, HostKey); ok {
			t.Errorf("%q says %q", damaged, value)
		}
	}
	must(t, WriteHostFact(data, FactRoot, key, ""))
	must(t, WriteHostFact(data, FactRoot, key, ""))
	if _, err := os.Lstat(filepath.Join(data, hostDir, FactRoot)); !os.IsNotExist(err) {
		t.Error(err)
	}
	if strings.ContainsAny(key, " \n") || strings.Count(key, "-") < 6 {
		t.Errorf("key %q", key)
	}
}

func TestParseRootWay(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "overlay": true, "fuse": true, "copy": true, "Overlay": false, "vfs": false} {
		if way, err := ParseRootWay(text); (err == nil) != ok || ok && string(way) != text {
			t.Errorf("%q: %q, %v", text, way, err)
		}
	}
}
