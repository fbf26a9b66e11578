package launcher

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/cgroup"
	"coracle/userns"
	"coracle/userns/tape"
)

type nsType = specs.LinuxNamespaceType

// SupervisorName is the argv[0] under which the program is a supervisor, with
// the directory for run-time files as only argument and its control socket as
// descriptor 3.
const SupervisorName = "coracle-supervisor"

// supervisor is one container's.
type supervisor struct {
	run  string // the directory for run-time files
	conn conn
	// caller is conn, once what is sent there may be several goroutines'.
	caller *client
	req    request
	slots  *tape.Slots
	lock   int
	net    networking
	// denials are what --egress denied in this run; nil without a network.
	denials *denials
	// syncs bring facts to the disk, for which nobody waits but the process's end.
	syncs sync.WaitGroup
	// mu guards the next four from who answers clients; this process's main thread,
	// which alone changes them, need not ask to read them.
	mu    sync.RWMutex
	pid   int
	pidfd int
	tty   int
	// dormant says that there is no first process, until the next run.
	dormant bool
	again   restarting
	// mapped says that whoever cloned the first process has written its id maps.
	mapped bool
	// servers are the processes that serve file systems of the container.
	servers []int
	// gate is closed when others can see which image this container uses.
	gate int
	// adopts says that orphans of the container become this process's children.
	adopts bool
	// output is nil when the container has the caller's descriptors.
	output  atomic.Pointer[output]
	started time.Time
	// group is the container's cgroup, or nil; oomBefore are the kills in it before
	// the last start.
	group     *cgroup.Held
	oomBefore uint64
}

// Supervise is the supervisor's main function; it returns the exit status of
// the process, the container's own, which only a service manager reads.
func Supervise(args []string) int {
	// The container's parent-death signal follows the thread that cloned it,
	// and the plan's operations are about the thread: everything happens on
	// the main one, which lives as long as the process.
	runtime.LockOSThread()
	name := append([]byte(SupervisorName), 0)
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(ptr(name)), 0, 0, 0)
	if err := userns.DropInheritable(); err != nil {
		fmt.Fprintln(os.Stderr, "coracle:", err)
		return ExitFailed
	}
	const control = 3
	unix.CloseOnExec(control)
	_ = unix.Chdir("/") // keep no file system of the caller's busy
	s := &supervisor{run: args[0], conn: conn{os.NewFile(control, "control")}, slots: tape.NewSlots(), pidfd: -1, tty: -1, gate: -1}
	if err := s.launch(); err != nil {
		s.fail(err)
		s.disconnect()
		s.req.Keep = s.req.Exists // nothing is left of a container that never was
		s.clean()
		s.syncs.Wait()
		return ExitFailed
	}
	return s.supervise()
}

// fail tells the caller why there is no container.
func (s *supervisor) fail(err error) {
	_ = s.conn.send(msgFailed, failureOf(err))
}

// failureOf is an error as msgFailed carries it.
func failureOf(err error) []byte {
	code := ExitFailed
	var ce *CommandError
	switch {
	case errors.As(err, &ce):
		code = ce.Code
	case stackFailed(err):
		code = exitStack
	case errors.Is(err, errOtherBase):
		code = exitBase
	}
	return append([]byte{byte(code)}, err.Error()...)
}

// launch receives the request and executes it.
func (s *supervisor) launch() error {
	k, payload, fds, err := s.conn.receive()
	if err != nil {
		return err
	}
	if err := s.req.decode(payload); err != nil || k != msgLaunch {
		return fmt.Errorf("%w (%q)", errRequest, byte(k))
	}
	if s.req.Version != Version() {
		return fmt.Errorf("the program was replaced while it started: caller is %s, supervisor %s\n  fix: run the command again", s.req.Version, Version())
	}
	if err := s.take(fds); err != nil {
		return err
	}
	if err := s.borrow(); err != nil {
		return err
	}
	if err := tape.Run(s.req.Plan.Host, s.slots); err != nil {
		return explain(err)
	}
	if s.req.Detach {
		if err := s.redirect(); err != nil {
			return err
		}
	}
	if err := s.startServers(); err != nil {
		return err
	}
	if err := s.takePorts(); err != nil {
		return err
	}
	return s.start()
}

// start clones the container's first process and waits until it has become the
// command.
func (s *supervisor) start() error {
	s.adopt()
	b, err := newBirth(s.slots)
	if err != nil {
		return err
	}
	defer b.close()
	if err := s.enterGroup(); err != nil {
		return err
	}
	exec, err := s.clone(b.failed[1])
	if err != nil {
		return err
	}
	b.cloned()
	if err := errors.Join(s.writeMaps(s.pid), s.groupV1()); err != nil {
		unix.Kill(s.pid, unix.SIGKILL)
		return err
	}
	if err := b.goOn(); err != nil {
		return err
	}
	// A process that joins a user namespace makes its network namespace there.
	if err := s.forked(b); err != nil {
		return err
	}
	noNetwork := s.connect(b)
	if noNetwork != nil {
		_ = unix.Kill(s.pid, unix.SIGKILL)
	}
	report := b.report()
	runtime.KeepAlive(exec)
	if err := tape.Failed(s.req.Plan.Child, report); err != nil {
		s.wait()
		return explainCommand(s.req.Plan.Child, s.req.Mounts[0], err)
	}
	if noNetwork != nil {
		s.wait()
		return noNetwork
	}
	s.tty = receiveFD(b.console[0])
	return nil
}

// clone makes the container's first process with the executor asked for.
func (s *supervisor) clone(failed int) (keep any, err error) {
	if s.req.Portable || !tape.Fast {
		return s.clonePortable(failed)
	}
	flags := s.req.Plan.CloneFlags
	if s.req.Plan.ShareMemory {
		flags |= unix.CLONE_VM
	}
	child, err := tape.Start(tape.Clone{Flags: flags, Errors: failed, Pidfd: &s.pidfd, Cgroup: s.groupFD()}, s.req.Plan.Child, s.slots)
	if err != nil {
		return nil, fmt.Errorf("cannot create the container's namespaces: %w\n  fix: coracle doctor", err)
	}
	s.pid = child.Pid
	return child, nil
}

// forked follows a first process that has put another in its place, which it
// does when it joins namespaces of other containers.
func (s *supervisor) forked(b *birth) error {
	joinsPID := false
	for _, j := range s.req.Plan.Joins {
		joinsPID = joinsPID || j.Type == specs.PIDNamespace || j.Type == specs.UserNamespace
	}
	if !joinsPID {
		return nil
	}
	pid, ok := b.child()
	if !ok {
		return nil // it failed before; the error pipe says why
	}
	_, _ = unix.Wait4(s.pid, nil, 0, nil)
	unix.Close(s.pidfd)
	s.pid = pid
	var err error
	if s.pidfd, err = unix.PidfdOpen(s.pid, 0); err != nil {
		return fmt.Errorf("cannot open process %d: %w", s.pid, err)
	}
	return nil
}
