package userns

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// start runs a shell script as mapped root and returns what it wrote to
// descriptor 3, and its exit status.
func start(t *testing.T, g Grant, join *os.File, p Program, script string) (string, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p.Argv, p.Extra = []string{"sh", "-c", "exec 1>&3; " + script}, w
	if p.File == nil {
		p.Path = "/bin/sh"
	}
	process, err := g.Start(p, join)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Map(context.Background(), g); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out, _ := io.ReadAll(r)
	status, err := process.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return string(out), status
}

func grant(t *testing.T) Grant {
	t.Helper()
	g, err := Lookup(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !g.Direct && g.Single {
		t.Skip("subids: this user may map one id only")
	}
	return g
}

func TestStart(t *testing.T) {
	g := grant(t)
	out, status := start(t, g, nil, Program{Env: []string{"A=b"}}, `id -u; cat /proc/self/uid_map; echo $A; ls /proc/self/fd; readlink /proc/self/ns/mnt; exit 7`)
	own, _ := os.Readlink("/proc/self/ns/mnt")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 7 || lines[0] != "0" || strings.Contains(out, own) || !strings.Contains(out, "\nb\n") {
		t.Errorf("status %d, output:\n%s", status, out)
	}
	m, err := ParseIDMap([]byte(strings.Join(lines[1:1+len(g.UIDs)], "\n")))
	if err != nil || !m.Equal(g.UIDs) {
		t.Errorf("map %v, want %v (%v)", m, g.UIDs, err)
	}
}

func TestStartedProgramCannotBeOverwritten_CVE_2019_5736(t *testing.T) {
	out, _ := start(t, grant(t), nil, Program{}, `(: >/proc/$$/exe) 2>&1; (: >>/proc/$$/exe) 2>&1; exec 1>&3; echo done; (: >/proc/self/exe) 2>&3`)
	if !strings.Contains(out, "done") || !strings.Contains(out, "ead-only file system") {
		t.Errorf("output: %s", out)
	}
}

func TestStartFromMemory(t *testing.T) {
	fd, err := unix.MemfdCreate("sh", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "sh")
	defer f.Close()
	b, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if out, status := start(t, grant(t), nil, Program{File: f}, `echo $0 >&3`); status != 0 || out != "sh\n" {
		t.Errorf("status %d, output %q", status, out)
	}
}

func TestJoinLiveNamespace(t *testing.T) {
	g := grant(t)
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	first, err := g.Start(Program{Path: "/bin/cat", Argv: []string{"cat"}, Stdio: [3]*os.File{in}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := first.Map(context.Background(), g); err != nil {
		t.Fatal(err)
	}
	join, err := g.OpenNamespace(first.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer join.Close()
	out, status := start(t, g, join, Program{}, `readlink /proc/self/ns/user >&3; id -u >&3`)
	if name := nsName(t, join); status != 0 || !strings.Contains(out, name) || !strings.HasSuffix(out, "\n0\n") {
		t.Errorf("status %d, output %q, namespace %s", status, out, name)
	}
	feed.Close()
	if _, err := first.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := g.OpenNamespace(os.Getpid()); !errors.Is(err, ErrOtherMap) {
		t.Errorf("our own namespace passes for a base namespace: %v", err)
	}
}

// A program that starts before its ids are mapped is root once they are, and has
// kept its capabilities; those it passes on can be dropped.
func TestStartEarly(t *testing.T) {
	g := grant(t)
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := Program{
		Path: "/bin/sh", Early: true, Stdio: [3]*os.File{in}, Extra: w,
		Argv: []string{"sh", "-c", "exec 1>&3; echo ready; read go; id -u; id -g; grep Cap /proc/self/status"},
	}
	process, err := g.Start(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	w.Close()
	ready := make([]byte, 6)
	if _, err := io.ReadFull(r, ready); err != nil || string(ready) != "ready\n" {
		t.Fatalf("it did not run before its ids were mapped: %q, %v", ready, err)
	}
	if err := process.Map(context.Background(), g); err != nil {
		t.Fatal(err)
	}
	if _, err := feed.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(r)
	if status, err := process.Wait(); status != 0 || err != nil {
		t.Fatal(status, err)
	}
	if !strings.HasPrefix(string(out), "0\n0\n") || strings.Contains(string(out), "CapEff:\t0000000000000000") {
		t.Errorf("output:\n%s", out)
	}
}

func TestEarlyFailureEndsIt(t *testing.T) {
	g := grant(t)
	if !g.Direct {
		t.Skip("root: an ordinary user's maps cannot be made to fail here")
	}
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	process, err := g.Start(Program{Path: "/bin/cat", Argv: []string{"cat"}, Early: true, Stdio: [3]*os.File{in}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	g.UIDs = IDMap{{Inside: 0, Outside: 0, Size: 0}}
	if err := process.Map(context.Background(), g); err == nil {
		t.Error("an empty map was written")
	}
	if err := unix.Kill(process.Pid, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d is left: %v", process.Pid, err)
	}
}

func TestDropInheritable(t *testing.T) {
	runtime.LockOSThread() // and never again unlocked: the thread is spoilt
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		t.Fatal(err)
	}
	if d[0].Permitted == 0 {
		t.Skip("root: there are no capabilities to pass on")
	}
	d[0].Inheritable = 1
	if err := unix.Capset(&h, &d[0]); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := DropInheritable(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Capget(&h, &d[0]); err != nil || d[0].Inheritable != 0 {
		t.Errorf("inheritable %#x, %v", d[0].Inheritable, err)
	}
	if on, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, 0, 0, 0); err != nil || on != 0 {
		t.Errorf("ambient %d, %v", on, err)
	}
}

func nsName(t *testing.T, f *os.File) string {
	t.Helper()
	name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestStartFailure(t *testing.T) {
	g := grant(t)
	process, err := g.Start(Program{Path: "/nowhere/program", Argv: []string{"x"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Map(context.Background(), g); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "/nowhere/program") {
		t.Errorf("%v", err)
	}
	if err := unix.Kill(process.Pid, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d is left: %v", process.Pid, err)
	}
}
