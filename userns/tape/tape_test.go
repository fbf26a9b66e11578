package tape

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// child runs ops in a raw child and returns its exit status and what failed.
func child(t *testing.T, flags uint64, ops []Op, slots *Slots) (int, error) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	c, err := Start(Clone{Flags: flags, Errors: p[1]}, ops, slots)
	unix.Close(p[1])
	if err != nil {
		t.Fatal(err)
	}
	report := make([]byte, 64)
	n, _ := unix.Read(p[0], report)
	var ws unix.WaitStatus
	if _, err := unix.Wait4(c.Pid, &ws, 0, nil); err != nil {
		t.Fatal(err)
	}
	c.Release()
	return ws.ExitStatus(), c.Failed(report[:max(n, 0)])
}

// file is a program that makes a file beneath dir by way of descriptors.
func file(dir, name, content string) []Op {
	return []Op{
		{Call: Openat, Args: []Arg{Int(unix.AT_FDCWD), Str(dir), Int(unix.O_DIRECTORY | unix.O_CLOEXEC), Int(0)}, Into: 5, Why: "the directory"},
		{Call: Mkdirat, Args: []Arg{From(5), Str("sub"), Int(0o700)}, Allow: []unix.Errno{unix.EEXIST}, Why: "may be there"},
		{Call: Openat, Args: []Arg{From(5), Str("sub/" + name), Int(unix.O_CREAT | unix.O_WRONLY | unix.O_CLOEXEC), Int(0o600)}, Into: 6, Why: "the file"},
		{Call: Write, Args: []Arg{From(6), Bytes([]byte(content), "content"), Int(len(content))}, Positive: true, Why: "its content"},
	}
}

func TestBothExecutorsDoTheSame(t *testing.T) {
	for _, flags := range []uint64{0, unix.CLONE_VM} {
		for _, again := range []bool{false, true} {
			dir := t.TempDir()
			if again {
				os.Mkdir(filepath.Join(dir, "sub"), 0o700)
			}
			if code, err := child(t, flags, file(dir, "fast", "one"), NewSlots()); code != 0 || err != nil {
				t.Fatalf("flags %#x: exit %d, %v", flags, code, err)
			}
			if err := Run(file(dir, "plain", "one"), NewSlots()); err != nil {
				t.Fatal(err)
			}
			a, _ := os.ReadFile(filepath.Join(dir, "sub/fast"))
			b, _ := os.ReadFile(filepath.Join(dir, "sub/plain"))
			if string(a) != "one" || string(b) != "one" {
				t.Fatalf("fast wrote %q, plain %q", a, b)
			}
		}
	}
}

func TestFailure(t *testing.T) {
	eof := func() int {
		var p [2]int
		unix.Pipe2(p[:], unix.O_CLOEXEC)
		unix.Close(p[1])
		return p[0]
	}
	tests := []struct {
		name string
		op   Op
		want unix.Errno
	}{
		{"error", Op{Call: Mkdirat, Args: []Arg{Int(unix.AT_FDCWD), Str("/proc/none"), Int(0o700)}}, unix.ENOENT},
		{"not the allowed one", Op{Call: Mkdirat, Args: []Arg{Int(unix.AT_FDCWD), Str("/proc/none"), Int(0o700)}, Allow: []unix.Errno{unix.EEXIST, unix.EPERM, unix.EROFS}}, unix.ENOENT},
		{"end of file", Op{Call: Read, Args: []Arg{Int(eof()), Bytes(make([]byte, 8), "buffer"), Int(1)}, Positive: true}, unix.ECANCELED},
		{"unfilled slot", Op{Call: Fchdir, Args: []Arg{From(77)}}, unix.EBADF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ops := []Op{{Call: Nop}, tt.op, {Call: Nop}}
			for _, flags := range []uint64{0, unix.CLONE_VM} {
				code, err := child(t, flags, ops, NewSlots())
				var oe *OpError
				if !errors.As(err, &oe) || oe.Index != 1 || oe.Errno != tt.want || code != 126 {
					t.Errorf("flags %#x: exit %d, %v", flags, code, err)
				}
			}
			if err := Run(ops, NewSlots()); !errors.Is(err, tt.want) {
				t.Errorf("plain: %v", err)
			}
		})
	}
}

func TestAllowedErrorLeavesTheSlot(t *testing.T) {
	ops := []Op{
		{Call: Openat, Args: []Arg{Int(unix.AT_FDCWD), Str("/nowhere"), Int(0), Int(0)}, Into: 9, Allow: []unix.Errno{unix.ENOENT}},
		{Call: Fchdir, Args: []Arg{From(9)}},
	}
	if _, err := child(t, 0, ops, NewSlots()); !errors.Is(err, unix.EBADF) {
		t.Error("fast:", err)
	}
	if err := Run(ops, NewSlots()); !errors.Is(err, unix.EBADF) {
		t.Error("plain:", err)
	}
}

func TestExecClosesTheErrorPipe(t *testing.T) {
	ops := []Op{
		{Call: RtSigprocmask, Args: []Arg{Int(2), Bytes(make([]byte, 8), "none"), Int(0), Int(8)}},
		{Call: Execve, Args: []Arg{Str("/nowhere/sh"), Vec([]string{"sh"}), Vec(nil)}, Allow: []unix.Errno{unix.ENOENT}},
		{Call: Execve, Args: []Arg{Str("/bin/sh"), Vec([]string{"sh", "-c", "exit $X"}), Vec([]string{"X=42"})}},
	}
	for _, flags := range []uint64{0, unix.CLONE_VM} {
		if code, err := child(t, flags, ops, NewSlots()); code != 42 || err != nil {
			t.Errorf("flags %#x: exit %d, %v", flags, code, err)
		}
	}
}

func TestForkSkipsTheParentsPart(t *testing.T) {
	dir := t.TempDir()
	make := func(name string) Op {
		return Op{Call: Mkdirat, Args: []Arg{Int(unix.AT_FDCWD), Str(filepath.Join(dir, name)), Int(0o700)}}
	}
	ops := []Op{
		{Call: Nop}, // so that no index is 0 where a count is meant
		{Call: Fork, Args: []Arg{Int(uint64(unix.SIGCHLD)), Int(0), Int(0), Int(0), Int(0)}, Into: 5, ZeroSkip: 2},
		make("parent"),
		{Call: Exit, Args: []Arg{Int(7)}},
		make("child"),
	}
	if code, err := child(t, 0, ops, NewSlots()); code != 7 || err != nil {
		t.Fatalf("exit %d, %v", code, err)
	}
	for _, name := range []string{"parent", "child"} {
		for i := 0; ; i++ {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				break
			} else if i > 1000 {
				t.Fatal(err)
			}
			unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
		}
	}
	if err := Run(ops, NewSlots()); !errors.Is(err, unix.ENOTSUP) {
		t.Error("plain:", err)
	}
}

func TestWire(t *testing.T) {
	ops := append(file("/a", "b", "c"), Op{Call: Execve, Args: []Arg{Str("/bin/sh"), Vec([]string{"a", "b"}), Mem(&Blob{Data: make([]byte, 16), Refs: []Ref{{Off: 8, Slot: 3}}}, "x")}, Positive: true, ZeroSkip: 3})
	got, rest, err := Decode(append(Append(nil, ops), "tail"...))
	if err != nil || string(rest) != "tail" {
		t.Fatal(rest, err)
	}
	if !reflect.DeepEqual(got, ops) {
		t.Errorf("got  %+v\nwant %+v", got, ops)
	}
	for i := range Append(nil, ops) {
		if _, _, err := Decode(Append(nil, ops)[:i]); err == nil {
			t.Fatalf("decoded when cut at %d", i)
		}
	}
}

func TestString(t *testing.T) {
	got := file("/a", "b", "c")[1].String()
	if want := `mkdirat(%5, "sub", 448) unless EEXIST`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Append(nil, file("/a", "b", "c")))
	f.Fuzz(func(t *testing.T, b []byte) {
		ops, _, err := Decode(b)
		if err != nil {
			return
		}
		again, _, err := Decode(Append(nil, ops))
		if err != nil || len(again) != len(ops) {
			t.Fatalf("%v: %d and %d operations", err, len(ops), len(again))
		}
	})
}

func BenchmarkStart(b *testing.B) {
	ops := []Op{{Call: Nop}}
	for b.Loop() {
		c, err := Start(Clone{Flags: unix.CLONE_VM, Errors: 2}, ops, NewSlots())
		if err != nil {
			b.Fatal(err)
		}
		unix.Wait4(c.Pid, nil, 0, nil)
		c.Release()
	}
}
