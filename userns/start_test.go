package userns

import (
	"context"
	"errors"
	"io"
	"os"
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
