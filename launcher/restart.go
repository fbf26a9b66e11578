package launcher

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/intent"
	"coracle/storage"
)

// A supervisor runs its container again where a restart policy or a health check
// says so: it has the whole plan and all that the plan needs. Lock, control socket,
// log and whoever is attached stay; namespaces, mounts and terminal are new.

// errRestarting is what clients hear meanwhile.
var errRestarting = fmt.Errorf("%w\n  fix: wait until it runs, or coracle stop it", ErrRestarting)

// restarting is what a supervisor knows of the runs of its container.
type restarting struct {
	count int
	wait  backoff
	// renew says that a health check wants another run; stop that one wants none.
	renew, stop atomic.Bool
	// stdio are the caller's standard descriptors, kept for the next run.
	stdio []int
}

// backoff is docker's: the time before another run is doubled each time, and
// begins anew after a run that was long enough. (podman waits for nothing, and a
// container that fails at once keeps a processor busy.)
type backoff time.Duration

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = time.Minute
	longRun      = 10 * time.Second
)

// after returns how long to wait after a run that took so long.
func (b *backoff) after(run time.Duration) time.Duration {
	if run >= longRun {
		*b = 0
	}
	*b = min(max(2**b, backoff(firstBackoff)), backoff(maxBackoff))
	return time.Duration(*b)
}

// mayRestart tells whether there may be more than one run.
func (s *supervisor) mayRestart() bool { return mayRestart(s.req.Restart, s.req.Health) }

func mayRestart(p intent.RestartPolicy, h *healthRequest) bool {
	return p.Restarts() || h != nil && (h.OnFailure == intent.OnFailureRestart || h.Startup != nil && h.Startup.Retries > 0)
}

// stopAsked tells whether somebody has asked for the end.
func (s *supervisor) stopAsked() bool {
	return s.again.stop.Load() || containers.StopAsked(&storage.Dir{Path: s.req.Dir})
}

// restarts runs the container again until it is to stay as it is, and returns
// its last end.
func (s *supervisor) restarts(r *resident, e end) end {
	defer s.dropStdio()
	for {
		s.renewPolicy()
		renew := s.again.renew.Swap(false)
		if s.stopAsked() || !renew && !s.req.Restart.After(e.status, s.again.count) {
			return s.settleRestarts(e)
		}
		delay := s.again.wait.after(e.finished.Sub(s.started))
		s.again.count++
		s.tellEnd(e.status, e.finished)
		e.told = true
		// First: whoever sees how it ended sees that it goes on.
		s.writeRestarts(containers.Restarts{Count: s.again.count, Waiting: true, Until: time.Now().Add(delay)})
		s.writeExit(e)
		r.tell(e.status)
		s.release()
		if s.pause(delay) {
			s.again.count--
			return s.settleRestarts(e)
		}
		e = s.rerun(r)
	}
}

// settleRestarts says that there will be no other run.
func (s *supervisor) settleRestarts(e end) end {
	if s.again.count > 0 || e.told {
		s.writeRestarts(containers.Restarts{Count: s.again.count})
	}
	return e
}

func (s *supervisor) writeRestarts(w containers.Restarts) {
	_ = containers.WriteRestarts(s.req.Dir, w)
}

// pause waits before the next run, and returns early, with true, when somebody
// asks for the end: the fact says so, wherever that somebody is.
func (s *supervisor) pause(d time.Duration) (stopped bool) {
	w, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		defer unix.Close(w)
		_, err = unix.InotifyAddWatch(w, s.req.Dir, unix.IN_CREATE)
	}
	for deadline := time.Now().Add(d); ; {
		if s.stopAsked() {
			return true
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		if err != nil { // no watch is to be had
			time.Sleep(min(left, firstBackoff))
			continue
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(w), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
		b := make([]byte, 4096)
		_, _ = unix.Read(w, b)
	}
}

// rerun runs the container once more, from the same plan.
func (s *supervisor) rerun(r *resident) end {
	s.started = time.Now()
	if err := s.relaunch(); err != nil {
		s.disconnect() // or the next run waits for the end of this one's for ever
		s.leavePorts()
		s.releaseStdio()
		return end{status: statusOf(err), finished: time.Now(), failed: err}
	}
	s.releaseStdio()
	s.mu.Lock() // first: whoever sees that it runs may at once ask for something
	s.dormant = false
	if o := s.output.Load(); o != nil {
		o.start(s.tty)
	}
	s.mu.Unlock()
	_ = containers.ForgetExit(s.req.Dir)
	s.writeState()
	s.writeRestarts(containers.Restarts{Count: s.again.count})
	s.event(events.Restart, nil)
	s.tellRestart()
	if !s.req.Detach || s.req.Follow {
		s.sayStarted()
	}
	if o := s.output.Load(); o != nil {
		o.again(s.pid, s.caller)
	}
	if r.health != nil {
		r.health.begin(s.started)
	}
	return s.attend(r)
}

// tellRestart tells of the start of another run.
func (s *supervisor) tellRestart() {
	all := []events.Event{s.newEvent(events.Init), s.newEvent(events.Start)}
	for i := range all {
		all[i].Time = s.started
	}
	events.Write(s.req.Data, all...)
}

// statusOf is the exit status that stands for an error.
func statusOf(err error) int {
	var ce *CommandError
	if errors.As(err, &ce) {
		return ce.Code
	}
	return ExitFailed
}

// rejoin opens the namespaces of other containers again, which may have been
// started anew as well.
func (s *supervisor) rejoin() error {
	set := containers.Set{Containers: storage.Containers{Data: s.req.Data}, Inside: true}
	for i, id := range s.req.Joined {
		if id == "" {
			continue
		}
		kind := s.req.Plan.Joins[i].Type
		fd, err := openNamespace(set, id, kind)
		if err != nil {
			return fmt.Errorf("cannot share the %s namespace of container %.12s: %w", kind, id, err)
		}
		s.replaceJoin(i, fd)
	}
	return nil
}
