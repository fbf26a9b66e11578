package launcher

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/userns/tape"
)

// newTestMonitor checks three times before it despairs.
func newTestMonitor(t *testing.T, change func(*healthRequest)) *monitor {
	t.Helper()
	r := newResident(t)
	if err := os.Mkdir(r.req.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.req.Health = &healthRequest{Health: intent.Health{Check: &intent.Healthcheck{Retries: 3}, OnFailure: intent.OnFailureKill, MaxLogCount: 2}}
	if change != nil {
		change(r.req.Health)
	}
	m := newMonitor(r)
	m.started, m.quit = time.Now(), make(chan struct{})
	m.passed = m.ask.Startup == nil
	m.result.Status = containers.Starting
	return m
}

func TestNote(t *testing.T) {
	type step struct {
		exit   int
		status string
		streak int
		act    bool
	}
	for name, c := range map[string]struct {
		change func(*healthRequest)
		steps  []step
	}{
		"well":          {nil, []step{{0, "healthy", 0, false}, {1, "healthy", 1, false}, {0, "healthy", 0, false}}},
		"ill":           {nil, []step{{1, "starting", 1, false}, {-1, "starting", 2, false}, {3, "unhealthy", 3, true}, {1, "unhealthy", 4, true}, {0, "healthy", 0, false}}},
		"nothing to do": {func(h *healthRequest) { h.OnFailure, h.Check.Retries = intent.OnFailureNone, 1 }, []step{{1, "unhealthy", 1, false}}},
		"start period":  {func(h *healthRequest) { h.Check.StartPeriod, h.Check.Retries = time.Hour, 1 }, []step{{1, "starting", 0, false}, {1, "starting", 0, false}, {0, "healthy", 0, false}, {1, "unhealthy", 1, true}}},
		"startup check": {func(h *healthRequest) { h.Startup = &intent.Healthcheck{Successes: 2, Retries: 2}; h.Check.Retries = 1 },
			[]step{{1, "starting", 0, false}, {0, "starting", 0, false}, {0, "starting", 0, false}, {1, "unhealthy", 1, true}}},
		"startup check fails": {func(h *healthRequest) { h.Startup = &intent.Healthcheck{Successes: 1, Retries: 2} }, []step{{1, "starting", 0, false}, {1, "starting", 0, true}}},
		"for ever":            {func(h *healthRequest) { h.Startup = &intent.Healthcheck{Successes: 1} }, []step{{1, "starting", 0, false}, {1, "starting", 0, false}, {1, "starting", 0, false}}},
	} {
		m := newTestMonitor(t, c.change)
		for i, s := range c.steps {
			act := m.note(containers.HealthLog{Start: time.Now(), ExitCode: s.exit})
			if act != s.act || m.result.Status != s.status || m.result.FailingStreak != s.streak {
				t.Errorf("%s, %d: %v %s %d", name, i, act, m.result.Status, m.result.FailingStreak)
			}
		}
		if n := len(m.result.Log); n > 2 {
			t.Errorf("%s: %d are remembered", name, n)
		}
	}
}

func TestHealthPause(t *testing.T) {
	m := newTestMonitor(t, func(h *healthRequest) {
		h.Check.Interval, h.Check.StartInterval, h.Check.StartPeriod = time.Minute, time.Second, time.Hour
		h.Startup = &intent.Healthcheck{Interval: time.Millisecond}
	})
	now := time.Now()
	if d := m.pause(now); d != time.Millisecond {
		t.Errorf("startup check: %v", d)
	}
	m.passed = true
	if d := m.pause(now); d != time.Second {
		t.Errorf("start period: %v", d)
	}
	if d := m.pause(now.Add(2 * time.Hour)); d != time.Minute {
		t.Errorf("after it: %v", d)
	}
	m.result.Status = containers.Healthy
	if d := m.pause(now); d != time.Minute {
		t.Errorf("once healthy: %v", d)
	}
	m.ask.Check.Interval = 0
	if d := m.pause(now); d != 0 {
		t.Errorf("disabled: %v", d)
	}
	m.repeat(m.quit) // returns
}

// Between two runs there is nothing to check, and nothing to remember.
func TestCheckBetweenRuns(t *testing.T) {
	m := newTestMonitor(t, func(h *healthRequest) { h.Check.Timeout = time.Minute })
	m.dormant = true
	if _, _, err := m.check(nil); err == nil || len(m.result.Log) > 0 {
		t.Errorf("%v %+v", err, m.result)
	}
	r := newResident(t)
	if k, payload, _ := answer(t, r, msgHealth, v1); k != msgFailed || !strings.Contains(payload, "no health check") {
		t.Errorf("%c %q", k, payload)
	}
}

// What cannot be executed has failed.
func TestCheckFails(t *testing.T) {
	m := newTestMonitor(t, func(h *healthRequest) {
		h.Check.Timeout = time.Minute
		h.check = []tape.Op{{Call: tape.Close, Args: []tape.Arg{tape.Int(1 << 20)}}}
	})
	ok, status, err := m.check(nil)
	if ok || status != containers.Starting || err != nil {
		t.Errorf("%v %s %v", ok, status, err)
	}
	if _, err := os.Stat(filepath.Join(m.req.Dir, "health.json")); err != nil || len(m.result.Log) != 1 || m.result.Log[0].ExitCode == 0 || m.result.Log[0].Output == "" {
		t.Errorf("%+v %v", m.result, err)
	}
	close(m.quit)
	if _, _, err := m.check(nil); err != errStopped || len(m.result.Log) != 1 {
		t.Errorf("after the end: %v %+v", err, m.result)
	}
}

func TestAct(t *testing.T) {
	m := newTestMonitor(t, nil)
	m.dormant = true // the signal goes nowhere
	m.act(m.quit)
	if !m.again.stop.Load() || m.again.renew.Load() {
		t.Error("killed is stopped")
	}
	m = newTestMonitor(t, func(h *healthRequest) { h.OnFailure, h.StopTimeout = intent.OnFailureRestart, -1 })
	m.dormant = true
	m.act(m.quit)
	if m.again.stop.Load() || !m.again.renew.Load() {
		t.Error("restarted is run again")
	}
	m = newTestMonitor(t, func(h *healthRequest) { h.OnFailure, h.StopTimeout = intent.OnFailureStop, time.Hour })
	m.dormant = true
	close(m.quit)
	m.act(m.quit) // does not wait for the hour
	if !m.again.stop.Load() {
		t.Error("stopped is stopped")
	}
}

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		most int
		want string
	}{{0, "hello world"}, {5, "hello"}, {100, "hello world"}} {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		w := os.NewFile(uintptr(p[1]), "pipe")
		// The other end stays open, as a process left behind would keep it.
		e := &excerpt{from: os.NewFile(uintptr(p[0]), "pipe"), most: c.most, done: make(chan struct{})}
		if _, err := w.WriteString("hello world"); err != nil {
			t.Fatal(err)
		}
		go e.read()
		if got := e.end(); got != c.want {
			t.Errorf("%d: %q", c.most, got)
		}
		w.Close()
	}
}

func TestImageHealth(t *testing.T) {
	for config, want := range map[string]*intent.Healthcheck{
		``: nil, `{}`: nil, `{"config":{"Cmd":["x"]}}`: nil, `"Healthcheck"`: nil, `{"config":{"Healthcheck":{"Test":["NONE"]}}}`: nil,
		`{"config":{"Healthcheck":null}}`: nil, `{"config":{"Healthcheck":{}}}`: nil, `{"config":{"Healthcheck":7}}`: nil,
		`{"config":{"Healthcheck":{"Test":["CMD","x"],"Interval":5000000000,"Retries":2}}}`: {Test: []string{"CMD", "x"}, Interval: 5 * time.Second, Retries: 2},
	} {
		if got := imageHealth([]byte(config)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", config, got)
		}
	}
}

func sampleHealth() *healthRequest {
	return &healthRequest{
		Health:     intent.Health{Check: &intent.Healthcheck{Test: []string{"CMD", "x"}, Retries: 2}, Startup: &intent.Healthcheck{Test: []string{"CMD", "y"}}, OnFailure: "kill"},
		StopSignal: 15, StopTimeout: time.Second, check: []tape.Op{{Call: tape.Setsid}}, startup: []tape.Op{{Call: tape.Setsid}},
	}
}

func TestRestartRequest(t *testing.T) {
	for _, want := range []request{
		{Restart: intent.RestartPolicy{Name: "no"}},
		{Restart: intent.RestartPolicy{Name: "on-failure", Max: 3}, Health: sampleHealth()},
	} {
		var got request
		d := reader{b: want.encodeRestart(nil)}
		got.decodeRestart(&d)
		if d.bad || len(d.b) > 0 || !reflect.DeepEqual(got.Restart, want.Restart) || (got.Health == nil) != (want.Health == nil) {
			t.Errorf("%+v from %+v", got, want)
		}
		if h := got.Health; h != nil && (!reflect.DeepEqual(h.Health, want.Health.Health) || len(h.check) != 1 || len(h.startup) != 1 || h.StopTimeout != time.Second) {
			t.Errorf("%+v", h)
		}
	}
	lacking := sampleHealth()
	lacking.startup = nil
	d := reader{b: (&request{Health: lacking}).encodeRestart(nil)}
	if new(request).decodeRestart(&d); !d.bad {
		t.Error("a startup check that executes nothing")
	}
}

func FuzzRestartRequest(f *testing.F) {
	f.Add((&request{Restart: intent.RestartPolicy{Name: "always"}}).encodeRestart(nil))
	f.Add((&request{Health: sampleHealth()}).encodeRestart(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r request
		d := reader{b: b}
		if r.decodeRestart(&d); d.bad {
			return
		}
		if h := r.Health; h != nil && (h.Check == nil || len(h.check) == 0 || h.Startup != nil && len(h.startup) == 0) {
			t.Errorf("a check that cannot be made: %+v", h)
		}
	})
}
