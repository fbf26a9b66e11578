package launcher

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/plan"
	"coracle/userns/tape"
)

func pair(t *testing.T) (a, b conn) {
	t.Helper()
	x, y, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close(); y.Close() })
	return conn{x}, conn{y}
}

func TestMessages(t *testing.T) {
	a, b := pair(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	go func() {
		_ = a.send(msgStarted, []byte("one"), 0, 1)
		_ = a.send(msgLaunch, large)
		_ = a.send(msgExited, nil)
		a.f.Close()
	}()
	k, p, fds, err := b.receive()
	if err != nil || k != msgStarted || string(p) != "one" || len(fds) != 2 {
		t.Fatalf("%c %q %v %v", k, p, fds, err)
	}
	for _, fd := range fds {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d would pass an exec: %v", fd, err)
		}
	}
	closeAll(fds)
	if k, p, _, err := b.receive(); err != nil || k != msgLaunch || !bytes.Equal(p, large) {
		t.Fatalf("%c %d bytes %v", k, len(p), err)
	}
	if k, p, _, err := b.receive(); err != nil || k != msgExited || len(p) != 0 {
		t.Fatalf("%c %q %v", k, p, err)
	}
	if _, _, _, err := b.receive(); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestDamagedMessages(t *testing.T) {
	for name, raw := range map[string]string{
		"too large":              "L\x00\xff\xff\xff\xff",
		"descriptors missing":    "L\x02\x00\x00\x00\x00",
		"cut in the head":        "L\x00",
		"cut in the payload":     "L\x00\x00\x00\x00\x09abc",
		"nothing, not even that": "",
	} {
		a, b := pair(t)
		_, _ = a.f.WriteString(raw)
		a.f.Close()
		if k, p, _, err := b.receive(); err == nil {
			t.Errorf("%s: %c %q", name, k, p)
		}
	}
}

func testRequest() request {
	ops := []tape.Op{{Call: tape.Chdir, Args: []tape.Arg{tape.Str("/")}, Why: "x"}}
	return request{
		Version: "v1", Dir: "/d", Name: "n", Data: "/data", Image: "i", Mounts: []string{"/m"}, Keep: true, Exists: true, Gate: true, Init: true, Shifted: true, Held: 2,
		Detach: true, Interactive: true, Log: logConfig{Driver: "none", MaxSize: 5, MaxFiles: 6},
		Preserve: 2, Timeout: 3 * time.Second,
		Plan: plan.Plan{
			Host: ops, Child: append(ops, ops...), Borrow: ops, CloneFlags: unix.CLONE_NEWPID, ShareMemory: true,
			UIDMap: "0 0 1\n", GIDMap: "0 1 2\n", DenySetgroups: true,
			Joins:   []plan.Join{{Type: specs.PIDNamespace}},
			Servers: []plan.Server{{FD: 128, Dir: "/store", Args: []string{"/usr/bin/fuse-overlayfs", "-f"}}},
		},
	}
}

func TestRequest(t *testing.T) {
	want := testRequest()
	b := want.encode()
	var got request
	if err := got.decode(b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for i := range b {
		if err := new(request).decode(b[:i]); !errors.Is(err, errRequest) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if err := new(request).decode(append(b, 0)); !errors.Is(err, errRequest) {
		t.Errorf("trailing byte: %v", err)
	}
}

func FuzzRequest(f *testing.F) {
	r := testRequest()
	f.Add(r.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		var r request
		if r.decode(b) == nil {
			var again request
			if err := again.decode(r.encode()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestHints(t *testing.T) {
	for name, want := range map[string]bool{"12-345": true, "12": false, "-345": false, "0-1": false, "x-1": false, "12-": false, "": false} {
		if _, _, ok := parseHint(name); ok != want {
			t.Errorf("%q: %v", name, ok)
		}
	}
	run := t.TempDir()
	forget := announceBase(run)
	names, _ := os.ReadDir(baseDir(run))
	if len(names) != 1 || !strings.HasSuffix(names[0].Name(), "-"+containers.StartTime(os.Getpid())) {
		t.Fatalf("hints: %v", names)
	}
	forget()
	if names, _ := os.ReadDir(baseDir(run)); len(names) != 0 {
		t.Errorf("left: %v", names)
	}
}

func TestStartTime(t *testing.T) {
	if containers.StartTime(os.Getpid()) == "" || containers.StartTime(os.Getpid()) == containers.StartTime(1) {
		t.Errorf("own %q, init's %q", containers.StartTime(os.Getpid()), containers.StartTime(1))
	}
	if got := containers.StartTime(1 << 30); got != "" {
		t.Errorf("of nobody: %q", got)
	}
}

func TestExplainedErrors(t *testing.T) {
	op := tape.Op{Call: tape.OpenTree, Args: []tape.Arg{tape.Str("/nowhere")}, Why: "from the host: /nowhere"}
	err := explain(&tape.OpError{Op: op, Errno: unix.ENOENT})
	if !errors.Is(err, unix.ENOENT) {
		t.Error("the reason is lost")
	}
	for _, want := range []string{"from the host: /nowhere", "no such file", "open_tree(", "fix:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if other := errors.New("x"); explain(other) != other {
		t.Error("another error was changed")
	}
}

func TestCommandErrors(t *testing.T) {
	exec := func(path string) tape.Op {
		return tape.Op{Call: tape.Execve, Args: []tape.Arg{tape.Str(path), tape.Vec([]string{"prog"}), tape.Vec(nil)}}
	}
	root := t.TempDir()
	if err := os.MkdirAll(root+"/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/bin/prog", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		paths []string
		errno unix.Errno
		code  int
	}{
		{"nowhere", []string{"/sbin/prog"}, unix.ENOENT, ExitNotFound},
		{"found but not executable, then not found", []string{"/bin/prog", "/sbin/prog"}, unix.ENOENT, ExitCannotInvoke},
		{"format", []string{"/bin/prog"}, unix.ENOEXEC, ExitCannotInvoke},
		{"permission", []string{"/bin/prog"}, unix.EACCES, ExitCannotInvoke},
	}
	for _, tt := range tests {
		var ops []tape.Op
		for _, p := range tt.paths {
			ops = append(ops, exec(p))
		}
		var ce *CommandError
		err := explainCommand(ops, root, &tape.OpError{Op: exec(tt.paths[len(tt.paths)-1]), Errno: tt.errno})
		if !errors.As(err, &ce) || ce.Code != tt.code || !strings.Contains(err.Error(), "prog") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestSealedCopy(t *testing.T) {
	f, err := sealedCopy("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{0}, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("writing to it: %v", err)
	}
}

func TestCheckInherited(t *testing.T) {
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if checkInherited(int(f.Fd())) == nil {
		t.Error("one of our own descriptors passes for the caller's")
	}
	if checkInherited(1) != nil {
		t.Error("standard output is inherited")
	}
	if checkInherited(900) == nil {
		t.Error("a closed descriptor passes")
	}
}

func TestExitStatus(t *testing.T) {
	for ws, want := range map[unix.WaitStatus]int{0x0300: 3, 9: 137, 0: 0} {
		if got := exitStatus(ws); got != want {
			t.Errorf("%#x: %d, want %d", ws, got, want)
		}
	}
}
