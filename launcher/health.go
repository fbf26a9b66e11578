package launcher

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/intent"
	"coracle/launcher/pause"
	"coracle/userns/tape"
)

// healthRequest is what a supervisor is to check.
type healthRequest struct {
	intent.Health
	// StopSignal and StopTimeout are how an unhealthy container is stopped; a
	// negative time is for ever.
	StopSignal  int
	StopTimeout time.Duration
	// check and startup are what a process of the container executes.
	check, startup []tape.Op
}

// monitor checks a container's health: a timer of the supervisor's, which starts a
// process in the container as exec does. Without a check there is no timer.
type monitor struct {
	*resident
	ask *healthRequest

	mu     sync.Mutex // held while a check is made: one at a time
	result containers.Health
	// started is when the container was; quit is closed when this run of it ends.
	started time.Time
	quit    chan struct{}
	// passed says that the check at the start has succeeded, of which so many of
	// the tries did and did not.
	passed          bool
	successes, lost int
	// acted says that something is being done about it.
	acted bool
}

func newMonitor(r *resident) *monitor { return &monitor{resident: r, ask: r.req.Health} }

// begin begins to check a run of the container.
func (m *monitor) begin(started time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started, m.quit = started, make(chan struct{})
	m.passed, m.successes, m.lost, m.acted = m.ask.Startup == nil, 0, 0, false
	m.result = containers.Health{Status: containers.Starting, Log: m.result.Log}
	_ = containers.WriteHealth(m.req.Dir, m.result)
	go m.repeat(m.quit)
}

// end is called when that run has ended.
func (m *monitor) end() { close(m.quit) }

// repeat checks from time to time. The first check comes at once, as in podman.
func (m *monitor) repeat(quit chan struct{}) {
	for {
		if m.pause(time.Now()) > 0 {
			_, _, _ = m.check(quit)
		}
		wait := m.pause(time.Now())
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-quit:
			timer.Stop()
			return
		}
	}
}

// pause is the time from one check to the next, 0 when there is to be none.
func (m *monitor) pause(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.ask.Check
	switch {
	case !m.passed:
		return m.ask.Startup.Interval
	case c.Interval > 0 && m.result.Status == containers.Starting && now.Sub(m.started) < c.StartPeriod:
		return min(c.StartInterval, c.Interval)
	}
	return c.Interval
}

var errStopped = errors.New("the container does not run")

// check makes one check, whose success ok tells, and returns what the
// container's health is then.
func (m *monitor) check(quit chan struct{}) (ok bool, status string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if quit == nil {
		quit = m.quit
	}
	check, ops := m.ask.Check, m.ask.check
	if !m.passed {
		check, ops = m.ask.Startup, m.ask.startup
	}
	log := containers.HealthLog{Start: time.Now()}
	log.ExitCode, log.Output, err = m.probe(ops, check.Timeout, m.ask.MaxLogSize)
	log.End = time.Now()
	select {
	case <-quit: // what a container says while it ends is nothing to remember
		return false, "", errStopped
	default:
	}
	if errors.Is(err, errRestarting) {
		return false, "", errStopped
	}
	// While its processes stand, a check that was not made, or took too long, says nothing.
	perr := m.inside(func() error {
		release, err := m.unpaused()
		if err == nil {
			release()
		}
		return err
	})
	if perr != nil || errors.Is(err, pause.ErrPaused) {
		return false, "", errors.Join(perr, err)
	}
	act := m.note(log) && !m.acted
	m.acted = m.acted || act
	_ = containers.WriteHealth(m.req.Dir, m.result)
	m.event(events.HealthStatus, func(e *events.Event) { e.Health = m.result.Status })
	if act {
		go m.act(quit)
	}
	return log.ExitCode == 0, m.result.Status, nil
}

// note takes a result in, and tells whether something is to be done about it.
func (m *monitor) note(log containers.HealthLog) (act bool) {
	r := &m.result
	r.Log = append(r.Log, log)
	if n := m.ask.MaxLogCount; n > 0 && len(r.Log) > n {
		r.Log = r.Log[len(r.Log)-n:]
	}
	if !m.passed {
		return m.noteStartup(log.ExitCode == 0)
	}
	switch {
	case log.ExitCode == 0:
		r.Status, r.FailingStreak = containers.Healthy, 0
	case r.Status == containers.Starting && log.Start.Sub(m.started) < m.ask.Check.StartPeriod:
	default:
		r.FailingStreak++
		if r.FailingStreak >= m.ask.Check.Retries {
			r.Status = containers.Unhealthy
			return m.ask.OnFailure != intent.OnFailureNone
		}
	}
	return false
}

// noteStartup takes in a result of the check at the start.
func (m *monitor) noteStartup(ok bool) (act bool) {
	s := m.ask.Startup
	if !ok {
		m.successes = 0
		m.lost++
		return s.Retries > 0 && m.lost >= s.Retries
	}
	m.successes++
	if m.successes >= s.Successes {
		m.passed = true
	}
	return false
}

// act does with an unhealthy container what was asked for.
func (m *monitor) act(quit chan struct{}) {
	m.mu.Lock()
	action := m.ask.OnFailure
	if !m.passed {
		action = intent.OnFailureRestart
	}
	m.mu.Unlock()
	// First the reason, then the deed: the end may come at once.
	if action == intent.OnFailureRestart {
		m.again.renew.Store(true)
	} else {
		m.again.stop.Store(true)
	}
	if action == intent.OnFailureKill {
		_ = m.signal(unix.SIGKILL)
		return
	}
	_ = m.signal(unix.Signal(m.ask.StopSignal))
	if m.ask.StopTimeout < 0 {
		return
	}
	select {
	case <-quit:
	case <-time.After(m.ask.StopTimeout):
		_ = m.signal(unix.SIGKILL)
	}
}

// checkNow makes a check because a client asks for it.
func (r *resident) checkNow(c conn) error {
	if r.health == nil {
		return ErrNoHealthcheck
	}
	ok, status, err := r.health.check(nil)
	if err != nil {
		return err
	}
	failed := byte(1)
	if ok {
		failed = 0
	}
	return c.send(msgChecked, append([]byte{failed}, status...))
}
