package launcher

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/storage"
)

// end is how one run of the container ended.
type end struct {
	status   int
	finished time.Time
	// failed says why the command never ran; only of a run that is not the first.
	failed error
	// told says that everybody knows.
	told bool
}

// supervise tells the caller that the container runs, waits for its end, tells
// that, and cleans up. What is slow comes after the telling. The result is the
// container's exit status.
func (s *supervisor) supervise() int {
	s.started = time.Now()
	s.caller = &client{conn: s.conn}
	s.releaseStdio()
	if s.req.Pidfile || s.req.Detach {
		s.writeState() // first: whoever is told of the container may at once ask for it
	}
	var r *resident
	forget := func() {}
	if s.req.Detach {
		// Whoever joins its namespaces at once must find that of its users, too.
		forget = announceBase(s.run)
		r = s.reside()
		s.tellStart()
	}
	s.sayStarted()
	// Nobody else waits for what others may know of this container.
	told := make(chan struct{})
	go func() {
		if !s.req.Detach {
			forget = announceBase(s.run)
			if !s.req.Pidfile {
				s.writeState()
			}
			s.tellStart()
		}
		close(told)
	}()
	switch {
	case s.output.Load() != nil:
		if s.req.Follow {
			s.output.Load().join(s.caller)
		} else {
			s.conn.f.Close() // the caller has what it waited for
		}
		s.output.Load().start(s.tty)
	case s.tty >= 0:
		go s.succeedCaller()
	}
	if r == nil {
		r = s.reside()
	}
	e := s.attend(r)
	s.renewPolicy()
	if s.mayRestart() {
		<-told // or the facts of two runs would mix
		e = s.restarts(r, e)
	}
	if o := s.output.Load(); o != nil {
		o.finish()
	}
	<-told
	if !e.told {
		s.tellEnd(e.status, e.finished)
	}
	// The socket stays open: its end would tell succeedCaller to take the last
	// output from the terminal, which the caller is reading.
	_ = s.caller.say(msgExited, []byte{byte(e.status)})
	s.writeExit(e)
	r.end(e.status)
	forget()
	s.clean()
	s.syncs.Wait()
	return e.status
}

// sayStarted tells the caller that the command runs.
func (s *supervisor) sayStarted() {
	fds := []int{s.pidfd}
	if s.tty >= 0 {
		fds = append(fds, s.tty)
	}
	_ = s.caller.say(msgStarted, binary.BigEndian.AppendUint32(nil, uint32(s.pid)), fds...)
}

// attend stays with one run of the container until its end.
func (s *supervisor) attend(r *resident) end {
	if s.req.Timeout > 0 {
		limit := time.AfterFunc(s.req.Timeout, s.kill)
		defer limit.Stop()
	}
	if r.health != nil {
		defer r.health.end()
	}
	status := s.wait()
	e := end{status: status, finished: time.Now()}
	s.endOrphans()
	s.disconnect()
	return e
}

// inside calls f while the container's process cannot be replaced by that of
// another run. Errors: errRestarting, and f's.
func (s *supervisor) inside(f func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.dormant {
		return errRestarting
	}
	return f()
}

// signal sends a signal to the container's first process.
func (s *supervisor) signal(sig unix.Signal) error {
	return s.inside(func() error { return unix.PidfdSendSignal(s.pidfd, sig, nil, 0) })
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
		o.log, err = s.openLog()
	}
	return o, err
}

// writeExit leaves the fact of how the container ended.
func (s *supervisor) writeExit(e end) {
	if !s.req.Keep {
		return
	}
	fact := containers.Exit{Status: e.status, Started: s.started, Finished: e.finished, StoppedByUser: s.stopAsked(), OOMKilled: s.oomKilled()}
	if e.failed != nil {
		fact.Error = e.failed.Error()
	}
	_ = containers.WriteExit(s.req.Dir, fact)
}

// writeState leaves the fact by which other launches find this container.
func (s *supervisor) writeState() {
	d := &storage.Dir{Path: s.req.Dir, Keep: s.req.Keep}
	if d.Keep {
		// The state need not outlive a power cut, the rest should.
		defer func() { s.syncs.Go(func() { _ = d.Sync() }) }()
	}
	defer func() { unix.Close(s.gate); s.gate = -1 }() // the number is another's by the next run
	s.writePorts()
	s.writeNetworks()
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
	s.keepStdio()
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dormant {
		o.start(s.tty)
	}
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
