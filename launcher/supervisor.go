package launcher

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/storage"
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
	run   string // the directory for run-time files
	conn  conn
	req   request
	slots *tape.Slots
	lock  int
	pid   int
	pidfd int
	tty   int
	// servers are the processes that serve file systems of the container.
	servers []int
	// gate is closed when others can see which image this container uses.
	gate int
	// adopts says that orphans of the container become this process's children.
	adopts bool
	// output is nil when the container has the caller's descriptors.
	output  atomic.Pointer[output]
	started time.Time
}

// Supervise is the supervisor's main function; it returns the exit status of
// the process, which nobody reads.
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
		s.req.Keep = s.req.Exists // nothing is left of a container that never was
		s.clean()
		return ExitFailed
	}
	s.supervise()
	return 0
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
	exec, err := s.clone(b.failed[1])
	if err != nil {
		return err
	}
	b.cloned()
	if err := s.writeMaps(s.pid); err != nil {
		unix.Kill(s.pid, unix.SIGKILL)
		return err
	}
	if _, err := unix.Write(b.sync[1], []byte{1}); err != nil {
		return fmt.Errorf("cannot tell the container to go on: %w", err)
	}
	if err := s.forked(b); err != nil {
		return err
	}
	report := b.report()
	runtime.KeepAlive(exec)
	if err := tape.Failed(s.req.Plan.Child, report); err != nil {
		s.wait()
		return explainCommand(s.req.Plan.Child, s.req.Mounts[0], err)
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
	child, err := tape.Start(tape.Clone{Flags: flags, Errors: failed, Pidfd: &s.pidfd}, s.req.Plan.Child, s.slots)
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

// supervise tells the caller that the container runs, waits for its end, tells
// that, and cleans up. What is slow comes after the telling.
func (s *supervisor) supervise() {
	s.started = time.Now()
	s.releaseStdio()
	fds := []int{s.pidfd}
	if s.tty >= 0 {
		fds = append(fds, s.tty)
	}
	if s.req.Pidfile || s.req.Detach {
		s.writeState() // first: whoever is told of the container may at once ask for it
	}
	var r *resident
	if s.req.Detach {
		r = s.reside()
	}
	_ = s.conn.send(msgStarted, binary.BigEndian.AppendUint32(nil, uint32(s.pid)), fds...)
	// Nobody else waits for what others may know of this container.
	announced := make(chan func())
	go func() {
		if !s.req.Pidfile && !s.req.Detach {
			s.writeState()
		}
		announced <- announceBase(s.run)
	}()
	if s.req.Timeout > 0 {
		pidfd := s.pidfd
		time.AfterFunc(s.req.Timeout, func() { _ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) })
	}
	switch {
	case s.output.Load() != nil:
		s.conn.f.Close() // the caller has what it waited for
		s.output.Load().start(s.tty)
	case s.tty >= 0:
		go s.succeedCaller()
	}
	if r == nil {
		r = s.reside()
	}
	status := s.wait()
	finished := time.Now()
	s.endOrphans()
	if o := s.output.Load(); o != nil {
		o.finish()
	}
	// The socket stays open: its end would tell succeedCaller to take the last
	// output from the terminal, which the caller is reading.
	_ = s.conn.send(msgExited, []byte{byte(status)})
	s.writeExit(status, finished)
	r.end(status)
	forget := <-announced
	forget()
	s.clean()
}

// redirect takes the container's output to where a caller that does not stay
// wants it.
func (s *supervisor) redirect() error {
	o, err := s.newOutput()
	if err != nil {
		return err
	}
	s.output.Store(o)
	return o.redirect(s.req.Interactive)
}

func (s *supervisor) newOutput() (o *output, err error) {
	o = &output{attached: make(map[*client]bool)}
	if s.req.Log.Driver != "" {
		o.log, err = openLog(s.req.Dir, s.req.Log)
	}
	return o, err
}

// writeExit leaves the fact of how the container ended.
func (s *supervisor) writeExit(status int, finished time.Time) {
	if s.req.Keep {
		_ = containers.WriteExit(s.req.Dir, containers.Exit{Status: status, Started: s.started, Finished: finished})
	}
}

// writeState leaves the fact by which other launches find this container.
func (s *supervisor) writeState() {
	d := &storage.Dir{Path: s.req.Dir, Keep: s.req.Keep}
	if d.Keep {
		// The state need not outlive a power cut, the rest should.
		defer func() { go d.Sync() }()
	}
	defer unix.Close(s.gate)
	_ = containers.WriteState(s.req.Dir, containers.State{PID: s.pid, Start: containers.StartTime(s.pid), Image: s.req.Image})
}

// releaseStdio lets go of the caller's standard descriptors, which the
// container has now: a pipe must end when the container ends, not when the
// clean-up does.
func (s *supervisor) releaseStdio() {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for fd := range 3 {
		_ = unix.Dup3(null, fd, 0)
	}
	unix.Close(null)
}

// succeedCaller takes the terminal over once the caller is gone: the container
// does not stop at a full terminal, and somebody else may attach to it.
func (s *supervisor) succeedCaller() {
	if _, _, _, err := s.conn.receive(); err == nil {
		return
	}
	o, err := s.newOutput()
	if err != nil {
		o.log = nil // a terminal without a log is better than none
	}
	o.start(s.tty)
	s.output.Store(o)
}

// wait waits for the container's first process.
func (s *supervisor) wait() int {
	var ws unix.WaitStatus
	who, how := s.pid, 0
	if s.adopts {
		// Orphans that end before it are reaped, too; they come to this thread. What
		// exec started belongs to other threads.
		who, how = -1, unix.WNOTHREAD
	}
	for {
		pid, err := unix.Wait4(who, &ws, how, nil)
		if err != unix.EINTR && (err != nil || pid == s.pid) {
			return exitStatus(ws)
		}
	}
}
