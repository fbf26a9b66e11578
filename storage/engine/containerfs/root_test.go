package containerfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRootStaysInside(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "secret=HOST", "root/etc/passwd=inside", "root/up>../../../../secret", "root/abs>"+dir+"/secret", "root/ok>/etc/passwd", "root/loop>loop", "root/proc>/proc")
	r := rootAt(t, filepath.Join(dir, "root"))
	for name, want := range map[string]string{"/etc/passwd": "inside", "etc/passwd": "inside", "/../../etc/passwd": "inside", "/ok": "inside"} {
		if data, err := r.ReadFile(name, 100); string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"/up", "/abs", "/loop", "/proc/self/cwd", "/../secret", "/etc"} {
		if data, err := r.ReadFile(name, 100); err == nil {
			t.Errorf("%s: %q", name, data)
		}
	}
	if _, err := r.ReadFile("/etc/passwd", 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func TestReadFileOpensNoPipe(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "etc/passwd|", "etc/group>/etc/passwd")
	if n := rootAt(t, dir).Names(); len(n.Users) != 0 || len(n.Groups) != 0 {
		t.Errorf("%v", n)
	}
	if _, err := rootAt(t, dir).ReadFile("/etc/passwd", 10); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "etc/passwd=root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n:x:5:\nshort:x\nbad:x:y:\nana:x:1000:1000\n", "etc/group=video:x:44:\n")
	n := rootAt(t, dir).Names()
	if n.Users[0] != "root" || n.Users[1000] != "ana" || n.Groups[44] != "video" || len(n.Users) != 2 {
		t.Errorf("%v", n)
	}
}

func FuzzParseNames(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/sh\n"))
	f.Add([]byte(":::\n\x00:x:4294967296:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for id, name := range parseNames(data) {
			if id < 0 || name == "" || strings.ContainsAny(name, ":\n") {
				t.Errorf("%d is %q", id, name)
			}
		}
	})
}

func TestTrailing(t *testing.T) {
	for name, want := range map[string][2]bool{
		"a": {}, "a/": {true, false}, "a/.": {true, true}, ".": {true, true}, "/": {true, false}, "..": {true, false}, "a/..": {true, false}, "a.": {},
	} {
		if slash, contents := trailing(name); slash != want[0] || contents != want[1] {
			t.Errorf("%q: %v, %v", name, slash, contents)
		}
	}
}

func TestOwner(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "link>nowhere")
	if uid, gid, err := rootAt(t, dir).Owner("/link"); err != nil || int(uid) != os.Getuid() || int(gid) != os.Getgid() {
		t.Errorf("%d:%d, %v", uid, gid, err)
	}
	if _, _, err := rootAt(t, dir).Owner("/none"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// A look-up that something is renamed under again and again ends.
func TestOpenEndsUnderRenames(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a/b/", "c/", "target=x")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.Rename(filepath.Join(dir, "a/b"), filepath.Join(dir, "c/b"))
				_ = os.Rename(filepath.Join(dir, "c/b"), filepath.Join(dir, "a/b"))
			}
		}
	}()
	r := rootAt(t, dir)
	for range 2000 {
		fd, err := r.Open("/a/b/../../target", unix.O_PATH)
		if err == nil {
			unix.Close(fd)
		} else if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EAGAIN) {
			t.Errorf("%v", err)
		}
	}
	close(stop)
	<-done
}
