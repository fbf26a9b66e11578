package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The crash test needs to kill a command just before any one of the system calls
// with which it, or what it starts, changes something. strace's fault injection
// counts calls for each thread, so it cannot reach the Nth of a whole tree, and
// a tracer that is not root takes the privilege from newuidmap. So the test binary
// is its own tracer: as root, which leaves setuid programs their privilege
// (ptrace(2), "ptrace access mode checking"; execve(2)).

// tracerName is the argv[0] of the test binary as a tracer.
const tracerName = "coracle-crash-tracer"

// traceJob is a tracer's standard input: one JSON value.
type traceJob struct {
	UID, GID int
	Env      []string
	Dir      string
	Argv     []string
	At       int  // kill before the At-th call, counted from 1; 0: never
	All      bool // kill all processes at once, not only the one that calls
	List     bool // the calls, in the result
}

// traceResult is its standard output.
type traceResult struct {
	Calls  int    // that changed something, up to the kill
	Killed string // the call before which was killed, empty: it was not reached
	Status int    // exit status of the command, 128+signal
	Output string
	List   []string
	Hung   []string // processes that had to be killed since they did not end
}

// traceLimit is how long everything may take.
const traceLimit = 30 * time.Second

const ptraceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE |
	unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

func traceMain() int {
	runtime.LockOSThread() // ptrace(2) is for the thread that attached
	var job traceJob
	err := json.NewDecoder(os.Stdin).Decode(&job)
	var result traceResult
	if err == nil {
		result, err = trace(job)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, tracerName+":", err)
		return 1
	}
	return 0
}

// tracer is the state of one run.
type tracer struct {
	job    traceJob
	root   int
	known  map[int]bool // threads
	result traceResult
	after  bool // the kill has happened
}

func trace(job traceJob) (traceResult, error) {
	gate, open, err := os.Pipe()
	if err != nil {
		return traceResult{}, err
	}
	output, err := os.CreateTemp("", "crash")
	if err != nil {
		return traceResult{}, err
	}
	defer output.Close()
	os.Remove(output.Name())
	cmd := exec.Command("/bin/sh", append([]string{"-c", `read x <&3; exec "$0" "$@" 3<&-`}, job.Argv...)...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = job.Env, job.Dir, []*os.File{gate}, output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(job.UID), Gid: uint32(job.GID), Groups: []uint32{uint32(job.GID)}},
		Setsid:     true,
	}
	if err := cmd.Start(); err != nil {
		return traceResult{}, err
	}
	gate.Close()
	t := &tracer{job: job, root: cmd.Process.Pid, known: map[int]bool{cmd.Process.Pid: true}}
	if err := ptrace(unix.PTRACE_SEIZE, t.root, 0, ptraceOptions); err != nil {
		return traceResult{}, fmt.Errorf("seize: %w", err)
	}
	if err := ptrace(unix.PTRACE_INTERRUPT, t.root, 0, 0); err != nil {
		return traceResult{}, fmt.Errorf("interrupt: %w", err)
	}
	watchdog := time.AfterFunc(traceLimit, func() { t.hang() })
	defer watchdog.Stop()
	err = t.loop(func() { open.Close() })
	if err != nil {
		return traceResult{}, err
	}
	_, _ = output.Seek(0, io.SeekStart)
	text, _ := io.ReadAll(io.LimitReader(output, 64<<10))
	t.result.Output = string(text)
	return t.result, nil
}

// hang ends what does not end. It runs beside the loop, which sees the deaths.
func (t *tracer) hang() {
	for _, p := range running() {
		if p.environ != "" && strings.Contains(p.environ, "\x00CRASH_TEST=") && p.uid != 0 {
			t.result.Hung = append(t.result.Hung, fmt.Sprintf("%d %s", p.pid, p.command))
			_ = unix.Kill(p.pid, unix.SIGKILL)
		}
	}
}

func ptrace(request, pid int, addr, data uintptr) error {
	for {
		_, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), addr, data, 0, 0)
		if errno != unix.EINTR {
			if errno != 0 {
				return errno
			}
			return nil
		}
	}
}

// loop lets everything run from stop to stop until no process is left.
func (t *tracer) loop(begin func()) error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD):
			return nil
		case err != nil:
			return err
		}
		t.known[pid] = true
		if status.Exited() || status.Signaled() {
			delete(t.known, pid)
			if pid == t.root {
				t.result.Status = status.ExitStatus()
				if status.Signaled() {
					t.result.Status = 128 + int(status.Signal())
				}
			}
			continue
		}
		if begin != nil { // the first stop: from here every call is seen
			begin()
			begin = nil
		}
		t.stopped(pid, status)
	}
}

func (t *tracer) stopped(pid int, status unix.WaitStatus) {
	sig, event := int(status.StopSignal()), int(status)>>16
	request, deliver := unix.PTRACE_SYSCALL, uintptr(0)
	if t.after {
		request = unix.PTRACE_CONT
	}
	switch {
	case sig == int(unix.SIGTRAP)|0x80:
		if !t.after && t.call(pid) {
			t.kill(pid)
			request = unix.PTRACE_CONT
		}
	case event == unix.PTRACE_EVENT_STOP && sig != int(unix.SIGTRAP):
		request = unix.PTRACE_LISTEN // stopped by job control
	case event != 0:
	default:
		deliver = uintptr(sig)
	}
	_ = ptrace(request, pid, 0, deliver) // ESRCH: killed meanwhile
}

// kill is the crash.
func (t *tracer) kill(pid int) {
	t.after = true
	if !t.job.All {
		_ = unix.Kill(pid, unix.SIGKILL) // of a thread: its process
		return
	}
	for other := range t.known {
		_ = unix.Kill(other, unix.SIGKILL)
	}
}

// callInfo is struct ptrace_syscall_info of an entry (ptrace(2), Linux 5.3).
type callInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	_    [2]uint64
	nr   uint64
	args [6]uint64
	_    [8]byte
}

// call looks at a stop at a system call, and tells that it is the one.
func (t *tracer) call(pid int) bool {
	var info callInfo
	if ptrace(unix.PTRACE_GET_SYSCALL_INFO, pid, unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info))) != nil && info.nr == 0 {
		return false
	}
	const entry = 1
	if info.op != entry {
		return false
	}
	text := describeCall(pid, &info)
	if text == "" {
		return false
	}
	t.result.Calls++
	if t.job.List {
		t.result.List = append(t.result.List, text)
	}
	if t.job.At == 0 || t.result.Calls != t.job.At {
		return false
	}
	t.result.Killed = text
	return true
}

// The tracer itself: it sees what a command changes, in order, and kills it there.
func TestCrashTracer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: a tracer that is not root takes newuidmap's privilege")
	}
	w := newCrashWorld(t)
	script := `mkdir d; echo x >d/f; mv d/f d/g; rm d/g; (rmdir d)`
	all := w.trace(traceJob{Argv: []string{"/bin/sh", "-c", script}, List: true})
	var names []string
	for _, c := range all.List {
		name, _, _ := strings.Cut(c, "(")
		names = append(names, name)
	}
	got := strings.Join(names, " ")
	for _, want := range []string{"mkdir", "openat", "write", "rename", "unlink", "unlinkat"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not seen in %q", want, all.List)
		}
	}
	for n, c := range all.List {
		if !strings.HasPrefix(c, "openat(") || !strings.Contains(c, "d/f") {
			continue
		}
		killed := w.trace(traceJob{Argv: []string{"/bin/sh", "-c", script}, At: n + 1})
		if killed.Killed != c || killed.Status != 128+9 {
			t.Errorf("killed before %q with status %d, not before %q", killed.Killed, killed.Status, c)
		}
		if _, err := os.Stat(w.home + "/d"); err != nil {
			t.Error("what came before did not happen:", err)
		}
		if _, err := os.Stat(w.home + "/d/f"); err == nil {
			t.Error("what came after did happen")
		}
	}
}
