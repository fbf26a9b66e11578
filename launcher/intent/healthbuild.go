package intent

import "time"

// used gives the first flag that asks for something of a check, "" for none.
func (f *HealthFlags) used() string {
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"--health-cmd", f.HealthCmd != ""}, {"--health-interval", f.HealthInterval != ""}, {"--health-timeout", f.HealthTimeout != ""},
		{"--health-retries", f.HealthRetries != nil}, {"--health-start-period", f.HealthStartPeriod != ""},
		{"--health-start-interval", f.HealthStartInterval != ""}, {"--health-startup-cmd", f.HealthStartupCmd != ""},
		{"--health-startup-interval", f.HealthStartupInterval != ""}, {"--health-startup-timeout", f.HealthStartupTimeout != ""},
		{"--health-startup-retries", f.HealthStartupRetries != nil}, {"--health-startup-success", f.HealthStartupSuccess != nil},
		{"--health-on-failure", f.HealthOnFailure != "" && f.HealthOnFailure != OnFailureNone},
		{"--health-max-log-count", f.HealthMaxLogCount != nil}, {"--health-max-log-size", f.HealthMaxLogSize != nil},
	} {
		if flag.set {
			return flag.name
		}
	}
	return ""
}

// check finds what is wrong with the flags by themselves.
func (f *HealthFlags) check() error {
	if flag := f.used(); f.NoHealthcheck && flag != "" {
		return conflict("--no-healthcheck", flag, "there is nothing to check")
	}
	_, err := f.merge(&Healthcheck{Test: []string{"CMD", "true"}})
	return err
}

// merge completes an image's check, which may be nil, by the flags, as docker does, and gives nil when
// nothing is to be checked.
func (f *HealthFlags) merge(image *Healthcheck) (*Health, error) {
	if f.NoHealthcheck {
		return nil, nil
	}
	h := &Health{Check: &Healthcheck{}, OnFailure: OnFailureNone, MaxLogCount: healthLogCount, MaxLogSize: healthLogSize}
	if image != nil {
		*h.Check = *image
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&h.Check.Interval, healthInterval}, {&h.Check.Timeout, healthTimeout}, {&h.Check.StartInterval, healthStartInterval}, {&h.Check.StartPeriod, 0},
	} {
		if *d.value < minHealth {
			*d.value = d.def
		}
	}
	if h.Check.Retries <= 0 {
		h.Check.Retries = healthRetries
	}
	if err := f.regular(h.Check); err != nil {
		return nil, err
	}
	if err := f.startup(h); err != nil {
		return nil, err
	}
	switch f.HealthOnFailure {
	case "":
	case OnFailureNone, OnFailureKill, OnFailureRestart, OnFailureStop:
		h.OnFailure = f.HealthOnFailure
	default:
		return nil, invalid("--health-on-failure", f.HealthOnFailure, "none, kill, restart and stop are possible")
	}
	bound(&h.MaxLogCount, f.HealthMaxLogCount)
	bound(&h.MaxLogSize, f.HealthMaxLogSize)
	if h.Check.Command() == nil {
		return nil, nil
	}
	return h, nil
}

// mostHealth bounds every number that flags give, against facts that nobody can read any more.
const mostHealth = 1 << 20

func bound(to *int, n *uint) {
	if n != nil {
		*to = int(min(*n, mostHealth))
	}
}

func (f *HealthFlags) regular(c *Healthcheck) (err error) {
	if f.HealthCmd != "" {
		if c.Test, err = test("--health-cmd", f.HealthCmd); err != nil {
			return err
		}
	}
	if f.HealthRetries != nil && *f.HealthRetries == 0 {
		return fail(ErrInvalid, "invalid --health-retries 0: at least 1 is wanted")
	}
	bound(&c.Retries, f.HealthRetries)
	if err := interval("--health-interval", f.HealthInterval, &c.Interval); err != nil {
		return err
	}
	if err := duration("--health-timeout", f.HealthTimeout, false, &c.Timeout); err != nil {
		return err
	}
	if err := duration("--health-start-interval", f.HealthStartInterval, false, &c.StartInterval); err != nil {
		return err
	}
	return duration("--health-start-period", f.HealthStartPeriod, true, &c.StartPeriod)
}

// startup reads the flags about the check at the start.
func (f *HealthFlags) startup(h *Health) (err error) {
	c := &Healthcheck{Interval: healthInterval, Timeout: healthTimeout, Successes: 1}
	bound(&c.Retries, f.HealthStartupRetries)
	bound(&c.Successes, f.HealthStartupSuccess)
	c.Successes = max(c.Successes, 1)
	if err := interval("--health-startup-interval", f.HealthStartupInterval, &c.Interval); err != nil {
		return err
	}
	if err := duration("--health-startup-timeout", f.HealthStartupTimeout, false, &c.Timeout); err != nil {
		return err
	}
	if f.HealthStartupCmd == "" {
		for _, flag := range []struct {
			name string
			set  bool
		}{
			{"--health-startup-interval", f.HealthStartupInterval != ""}, {"--health-startup-timeout", f.HealthStartupTimeout != ""},
			{"--health-startup-retries", f.HealthStartupRetries != nil}, {"--health-startup-success", f.HealthStartupSuccess != nil},
		} {
			if flag.set {
				return fail(ErrConflict, "%s says nothing without --health-startup-cmd", flag.name)
			}
		}
		return nil
	}
	if c.Test, err = test("--health-startup-cmd", f.HealthStartupCmd); err == nil && c.Command() != nil {
		h.Startup = c
	}
	return err
}

// interval reads a time between checks, which may be none.
func interval(flag, s string, to *time.Duration) error {
	if s == "disable" {
		s = "0"
	}
	return duration(flag, s, true, to)
}

// health decides what is checked: what the flags say, and the image for the rest.
func (b *builder) health() (err error) {
	var image *Healthcheck
	if b.Image != nil {
		image = b.Image.Healthcheck
	}
	b.extra.Health, err = b.o.HealthFlags.merge(image)
	if flag := b.o.HealthFlags.used(); err == nil && b.extra.Health == nil && flag != "" && b.o.HealthCmd == "" {
		return fail(ErrConflict, "%s needs a health check, and the image has none", flag).fix("--health-cmd COMMAND")
	}
	return err
}
