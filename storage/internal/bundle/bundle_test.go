package bundle

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

func opened(t *testing.T, data []byte) *os.File {
	t.Helper()
	f, err := open(fstest.MapFS{"files/x": {Data: data}}, "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestOpen(t *testing.T) {
	data := []byte(strings.Repeat("0123456789", 300000)) // more than one piece
	f := opened(t, data)
	got := make([]byte, len(data)+1)
	if n, err := f.ReadAt(got, 0); err != io.EOF || string(got[:n]) != string(data) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("not closed on exec: %x, %v", flags, err)
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// CVE-2019-5736: whoever runs the program cannot change it.
func TestAttackOverwriteProgram(t *testing.T) {
	f := opened(t, []byte("program"))
	path := fmt.Sprint("/proc/self/fd/", f.Fd())
	for what, err := range map[string]error{
		"write":     second(f.WriteAt([]byte("x"), 0)),
		"append":    second(f.WriteAt([]byte("x"), 7)),
		"truncate":  f.Truncate(0),
		"grow":      f.Truncate(100),
		"open":      rewrite(path),
		"unseal":    second(unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, 0)),
		"map":       second(unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_WRITE, unix.MAP_SHARED)),
		"punch out": unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096),
	} {
		// A user who is not root is refused by the mode already.
		if !errors.Is(err, unix.EPERM) && !(what == "open" && errors.Is(err, unix.EACCES)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	got := make([]byte, 10)
	if n, _ := f.ReadAt(got, 0); string(got[:n]) != "program" {
		t.Errorf("changed to %q", got[:n])
	}
}

func second[T any](_ T, err error) error { return err }

func rewrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write([]byte("x"))
	return err
}

func TestExecute(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	f := opened(t, self)
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^TestNone$")
	cmd.ExtraFiles = []*os.File{f}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%s, %v", out, err)
	}
}

func TestNotBuilt(t *testing.T) {
	for _, name := range []string{"none", "", "../bundle.go", "/etc/passwd"} {
		_, err := Open(name)
		if !errors.Is(err, ErrNotBuilt) || !strings.Contains(err.Error(), "make build") {
			t.Errorf("%q: %v", name, err)
		}
	}
	f, err := Open("README")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
