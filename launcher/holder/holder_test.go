package holder

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func serve(t *testing.T) (*Server, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "holder") // short: addresses have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	s, err := Serve(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, path
}

// locked tells whether somebody else has the lock of a file.
func locked(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
}

func TestHold(t *testing.T) {
	_, path := serve(t)
	var names []string
	for range 2 {
		f, err := os.CreateTemp(t.TempDir(), "lock")
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		if err := Hold(path, f.Name(), f, nil); err != nil {
			t.Fatal(err)
		}
		f.Close()
		names = append(names, f.Name())
	}
	if !locked(t, names[0]) || !locked(t, names[1]) {
		t.Error("a lock went with its first owner")
	}
	if err := Drop(path, names[0]); err != nil {
		t.Fatal(err)
	}
	if locked(t, names[0]) || !locked(t, names[1]) {
		t.Error("not the lock that was dropped is gone")
	}
	if err := Drop(path, "never held"); err != nil {
		t.Error(err)
	}
}

func TestRubbishIsNoRequest(t *testing.T) {
	_, path := serve(t)
	for _, request := range []string{"", "frob x", "hold", string(make([]byte, 2*maxRequest))} {
		if err := ask(path, request, nil); err == nil && request != "hold" {
			t.Errorf("%.20q was answered", request)
		}
	}
	if err := Drop(path, "x"); err != nil {
		t.Errorf("after that it does not answer: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	s, path := serve(t)
	s.Close()
	if err := Drop(path, "x"); !errors.Is(err, errAnswer) {
		t.Error(err)
	}
	if _, err := Serve(filepath.Join(t.TempDir(), "no/such/dir")); err == nil {
		t.Error("an address in no directory")
	}
}
