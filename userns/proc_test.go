package userns

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A /proc that is a directory of the attacker's, or a link, is not used
// (CVE-2019-16884).
func TestProcfsRefusesOtherFileSystems(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "self"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "self/uid_map"), []byte("0 0 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, "/sys", filepath.Join(dir, "file"), filepath.Join(dir, "none")} {
		if p, err := openProcAt(path); !errors.Is(err, ErrNotProcfs) {
			t.Errorf("%s: %v", path, err)
			p.close()
		}
	}
}

func TestProcfsOpen(t *testing.T) {
	p, err := openProc()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.samePids(); err != nil {
		t.Error(err)
	}
	text, err := p.read("self/status")
	if err != nil || len(text) == 0 {
		t.Errorf("self/status: %d bytes, %v", len(text), err)
	}
	if m, err := p.idMap(strconv.Itoa(os.Getpid()), "uid_map"); err != nil || m.Size() == 0 {
		t.Errorf("uid_map: %s, %v", m, err)
	}
	for _, name := range []string{
		"../etc/passwd", "/etc/passwd", "self/root/etc/passwd", "self/cwd/x", "self/exe", "none/uid_map",
	} {
		if fd, err := p.open(name, unix.O_RDONLY); err == nil {
			t.Errorf("%s was opened", name)
			unix.Close(fd)
		}
	}
	if _, err := p.read("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := p.write("none", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := p.idMap("self", "comm"); !errors.Is(err, ErrBadMap) {
		t.Errorf("comm is no map: %v", err)
	}
}
