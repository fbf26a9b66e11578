package launcher

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

const someID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func listening(t testing.TB, run, id string) *os.File {
	t.Helper()
	l, err := listen(run, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestEndpointModes(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	run := t.TempDir()
	listening(t, run, someID)
	for path, want := range map[string]os.FileMode{controlDir(run): os.ModeDir | 0o700, filepath.Join(controlDir(run), someID): os.ModeSocket | 0o600} {
		if fi, err := os.Lstat(path); err != nil || fi.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, fi.Mode(), err, want)
		}
	}
	if names := controlNames(t, run); len(names) != 1 {
		t.Errorf("%q", names)
	}
}

func controlNames(t *testing.T, run string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(controlDir(run))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A run-time directory may have a longer path than a socket.
func TestEndpointLongPath(t *testing.T) {
	run := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	l := listening(t, run, someID)
	c, err := connect(run, someID)
	if err != nil {
		t.Fatal(err)
	}
	defer c.f.Close()
	if a := accept(l); a == nil {
		t.Error("nobody came")
	} else {
		a.Close()
	}
}

// Whatever lies in its place: who listens holds the container's lock.
func TestEndpointStale(t *testing.T) {
	for name, leave := range map[string]func(path string) error{
		"a socket without a listener": func(path string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		},
		"a file":              func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"a link":              func(path string) error { return os.Symlink("/nowhere/to/be/found", path) },
		"one that was begun":  func(path string) error { return os.WriteFile(path+".new", nil, 0o644) },
		"one that is begun":   func(path string) error { return os.Symlink("/nowhere", path+".new") },
		"nothing of the kind": func(string) error { return nil },
	} {
		run := t.TempDir()
		if err := os.Mkdir(controlDir(run), 0o700); err != nil {
			t.Fatal(err)
		}
		// Bound by a short name: the test's directory is a long one.
		wd, _ := os.Getwd()
		t.Chdir(controlDir(run))
		if err := leave("x"); err != nil {
			t.Fatal(err)
		}
		t.Chdir(wd)
		for _, suffix := range []string{"", ".new"} {
			_ = os.Rename(filepath.Join(controlDir(run), "x"+suffix), filepath.Join(controlDir(run), someID+suffix))
		}
		if name == "a socket without a listener" {
			if _, err := connect(run, someID); !errors.Is(err, ErrNoSupervisor) || !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("%s: %v", name, err)
			}
			if names := controlNames(t, run); len(names) != 1 {
				t.Errorf("%s: a client has tidied up: it may have been another supervisor's", name)
			}
		}
		l := listening(t, run, someID)
		c, err := dial(run, someID)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.f.Close()
		l.Close()
	}
}

// A client that comes a moment too early waits.
func TestDialWaits(t *testing.T) {
	run := t.TempDir()
	made := make(chan *os.File, 1)
	go func() {
		time.Sleep(20 * time.Millisecond)
		l, _ := listen(run, someID)
		made <- l
	}()
	c, err := dial(run, someID)
	if err != nil {
		t.Error(err)
	} else {
		c.f.Close()
	}
	if l := <-made; l != nil {
		l.Close()
	}
	unlisten(run, someID)
	if _, err := connect(run, someID); !errors.Is(err, ErrNoSupervisor) {
		t.Errorf("after the end: %v", err)
	}
}

func TestListenErrors(t *testing.T) {
	run := t.TempDir()
	if err := os.WriteFile(controlDir(run), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := listen(run, someID); err == nil {
		l.Close()
		t.Error("a file passes for the directory")
	}
	if err := os.Remove(controlDir(run)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), controlDir(run)); err != nil {
		t.Fatal(err)
	}
	if l, err := listen(run, someID); err == nil {
		l.Close()
		t.Error("a link passes for the directory")
	}
}

// Whoever is not the user gets no answer: not past the modes, and not without them.
func TestPeerOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: needs two users")
	}
	run := t.TempDir()
	l := listening(t, run, someID)
	accepted := make(chan bool)
	go func() {
		f := accept(l)
		if f != nil {
			f.Close()
		}
		accepted <- f != nil
	}()
	as := func(uid uintptr) (err error) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // and never unlocked: it is another user's now
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
				err = errno
				return
			}
			var c conn
			if c, err = connect(run, someID); err != nil {
				return
			}
			defer c.f.Close()
			if err = c.send(msgWait, []byte{controlVersion}); err == nil {
				_, _, _, err = c.receive()
			}
		}()
		<-done
		return err
	}
	if err := as(65534); !errors.Is(err, unix.EACCES) {
		t.Errorf("past the modes: %v", err)
	}
	for dir := controlDir(run); dir != "/"; dir = filepath.Dir(dir) {
		if fi, err := os.Stat(dir); err == nil && fi.Mode().Perm()&0o055 != 0o055 {
			if err := os.Chmod(dir, fi.Mode().Perm()|0o055); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(dir, filepath.Dir(run)) {
				t.Fatalf("would open %s", dir)
			}
		}
	}
	if err := os.Chmod(filepath.Join(controlDir(run), someID), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := as(65534); err == nil || errors.Is(err, unix.EACCES) {
		t.Errorf("without them: %v", err)
	}
	select {
	case <-accepted:
		t.Fatal("accepted")
	default:
	}
	c, err := connect(run, someID)
	if err != nil {
		t.Fatal(err)
	}
	defer c.f.Close()
	if !<-accepted {
		t.Error("the user was not let in")
	}
}

func TestAcceptEnds(t *testing.T) {
	l := listening(t, t.TempDir(), someID)
	ended := make(chan *os.File)
	go func() { ended <- accept(l) }()
	l.Close()
	if f := <-ended; f != nil {
		t.Error("somebody came")
	}
}

func TestSweepControl(t *testing.T) {
	run := t.TempDir()
	set := storage.Containers{Data: t.TempDir()}
	var want []string
	for _, keep := range []bool{true, false} {
		d, err := set.Create(storage.Params{Keep: keep})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Lock.Close() })
		listening(t, run, d.ID)
		want = append(want, d.ID)
	}
	dead, err := set.Create(storage.Params{})
	if err != nil {
		t.Fatal(err)
	}
	dead.Lock.Close()
	listening(t, run, dead.ID)
	listening(t, run, someID)
	for _, name := range []string{someID + ".new", "somebody else's"} {
		if err := os.WriteFile(filepath.Join(controlDir(run), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sweepControl(run, set)
	want = append(want, "somebody else's")
	slices.Sort(want)
	if got := controlNames(t, run); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	sweepControl(filepath.Join(run, "nowhere"), set)
}
