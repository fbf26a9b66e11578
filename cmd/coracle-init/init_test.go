package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The program is built once and run as it is used: as pid 1 of a new pid
// namespace. The commands it runs are this test binary again, in one of the
// roles below.
const (
	programEnv = "CORACLE_TEST_INIT"
	roleEnv    = "CORACLE_TEST_ROLE"
)

func TestMain(m *testing.M) {
	if role := roles()[os.Getenv(roleEnv)]; role != nil {
		role()
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "coracle-init")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "coracle-init")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-gcflags=all=-l", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("go build: %v\n%s", err, out)
		return 1
	}
	os.Setenv(programEnv, program)
	// Whoever runs the tests may have left descriptors open for us.
	open, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range open {
		if n, err := strconv.Atoi(fd.Name()); err == nil && n > 2 {
			unix.CloseOnExec(n)
		}
	}
	return m.Run()
}

func roles() map[string]func() {
	return map[string]func(){
		"signals": func() {
			signals := make(chan os.Signal, 100)
			signal.Notify(signals)
			fmt.Println("ready")
			for received := range signals {
				if n := received.(syscall.Signal); n != syscall.SIGURG {
					fmt.Println("signal", int(n))
				}
			}
		},
		"status": func() {
			status, err := os.ReadFile("/proc/thread-self/status")
			fmt.Printf("%s%v\npgrp %v\n", status, err, syscall.Getpgrp() == os.Getpid())
		},
		"terminal": func() {
			group, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
			fmt.Println("foreground", group == syscall.Getpgrp(), err)
			line, err := bufio.NewReader(os.Stdin).ReadString('\n')
			fmt.Printf("read %q %v\n", line, err)
		},
		"orphans": func() {
			for range 20 { // each ends at once, and leaves a child that ends at once
				if err := exec.Command("sh", "-c", "(sleep 0 & ) & exit").Run(); err != nil {
					fmt.Println(err)
				}
			}
			fmt.Println("ready")
			io.Copy(io.Discard, os.Stdin)
		},
	}
}

// command prepares a run as pid 1, as an unprivileged user could.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Getenv(programEnv), args...)
	id := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	group := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID, UidMappings: id, GidMappings: group}
	return cmd
}

func inRole(t *testing.T, role string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command("--", self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	return cmd
}

func TestExitStatus(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"data": 0o644, "garbage": 0o755} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("garbage\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	later := filepath.Join(dir, "later")
	if err := os.Mkdir(later, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(later, "data"), []byte("#!/bin/sh\nexit 5\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH")+"::/nowhere")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--", "true"}, 0, ""},
		{[]string{"true"}, 0, ""},
		{[]string{"--", "sh", "-c", "exit 7"}, 7, ""},
		{[]string{"--", "sh", "-c", "exit 255"}, 255, ""},
		{[]string{"--", "sh", "-c", "kill -TERM $$"}, 143, ""},
		{[]string{"--", "sh", "-c", "kill -KILL $$"}, 137, ""},
		{[]string{"--", "sh", "-c", "(sleep 1000 &) ; exit 3"}, 3, ""}, // does not wait for others
		{[]string{"--", "sh", "-c", `echo "$# $1 $2 $HOME"`, "-", "a b", "--"}, 0, "2 a b --"},
		{[]string{"--", "no-such-command"}, 127, "no such file"},
		{[]string{"--", "/no/such/command"}, 127, "no such file"},
		{[]string{"--", ""}, 127, ""},
		{[]string{"--", "data"}, 126, "permission denied"},
		{[]string{"--", dir + "/data"}, 126, "permission denied"},
		{[]string{"--", dir}, 126, "permission denied"},
		{[]string{"--", "garbage"}, 126, "exec format error"},
		{[]string{"--"}, 125, "usage"},
		{nil, 125, "usage"},
	} {
		out, err := command(c.args...).CombinedOutput()
		status := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			status = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if status != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%q: status %d, want %d: %s", c.args, status, c.status, out)
		}
	}
	t.Setenv("PATH", dir+":"+later)
	if err := command("data").Run(); err == nil || err.Error() != "exit status 5" {
		t.Errorf("the search ended at a file that cannot be executed: %v", err)
	}
}

// started runs a role until it says that it is ready.
func started(t *testing.T, role string) (cmd *exec.Cmd, stdin io.WriteCloser, lines *bufio.Scanner) {
	t.Helper()
	cmd = inRole(t, role)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // a test that hangs leaves nothing
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines = bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("%q", lines.Text())
	}
	return cmd, stdin, lines
}

func TestForwardsSignals(t *testing.T) {
	cmd, _, lines := started(t, "signals")
	skip := map[int]bool{
		int(unix.SIGKILL): true, int(unix.SIGSTOP): true, // nobody can forward these
		int(unix.SIGCHLD): true, int(unix.SIGURG): true, int(unix.SIGPROF): true,
		32: true, 33: true, 34: true, // the C library's
	}
	for n := 1; n <= 64; n++ {
		if skip[n] {
			continue
		}
		if err := cmd.Process.Signal(syscall.Signal(n)); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprint("signal ", n); !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
	}
}

func TestReapsOrphans(t *testing.T) {
	cmd, stdin, _ := started(t, "orphans")
	children := fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid)
	// Threads share their children; the file of each thread lists what it
	// forked, and orphans go to the first one.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		list, err := os.ReadFile(children)
		if err != nil {
			t.Fatal(err)
		}
		if len(strings.Fields(string(list))) <= 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("children left: %s", list)
		}
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// The command starts as if execve had been its start: nothing blocked, nothing
// ignored that was not before, no descriptor more.
func TestCommandIsUntouched(t *testing.T) {
	cmd := inRole(t, "status")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	// What is ignored is inherited: a caller of this test may ignore something.
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, ignored, _ := strings.Cut(string(own), "SigIgn:\t")
	for _, want := range []string{"SigBlk:\t0000000000000000", "SigIgn:\t" + ignored[:16], "pgrp true"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("not %q:\n%s", want, out)
		}
	}
	// ls itself opens one, for /proc/self/fd.
	out, err = command("--", "ls", "/proc/self/fd/").CombinedOutput()
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 4 {
		t.Errorf("descriptors: %q", fields)
	}
}

func TestHoldsNoDescriptors(t *testing.T) {
	cmd, _, _ := started(t, "signals")
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if fd.Name() > "2" {
			target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", cmd.Process.Pid, fd.Name()))
			t.Errorf("descriptor %s: %s", fd.Name(), target)
		}
	}
}

func TestTerminal(t *testing.T) {
	master, slave := pty(t)
	cmd := inRole(t, "terminal")
	cmd.Stdin = slave
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty, cmd.SysProcAttr.Ctty = true, true, 0
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	if _, err := master.WriteString("hello\n"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v", err)
	}
	// "foreground" itself may be asked a moment too early; reading works always.
	if !strings.Contains(out.String(), `read "hello\n" <nil>`) {
		t.Errorf("%s", out.String())
	}
}

func pty(t *testing.T) (master, slave *os.File) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestSize(t *testing.T) {
	info, err := os.Stat(os.Getenv(programEnv))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 3<<19 {
		t.Errorf("%d bytes, more than 1.5 MiB: every --init copies them", info.Size())
	}
}
