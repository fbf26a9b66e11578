package intent

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestHealthCommand(t *testing.T) {
	for _, c := range []struct{ flag, test, command string }{
		{`curl -f localhost`, `["CMD-SHELL","curl -f localhost"]`, `["/bin/sh","-c","curl -f localhost"]`},
		{`true`, `["CMD-SHELL","true"]`, `["/bin/sh","-c","true"]`},
		{`["true"]`, `["CMD-SHELL","true"]`, `["/bin/sh","-c","true"]`},
		{`["ls", "a b"]`, `["CMD","ls","a b"]`, `["ls","a b"]`},
		{`["CMD", "ls", "a b"]`, `["CMD","ls","a b"]`, `["ls","a b"]`},
		{`CMD ls /a`, `["CMD","ls","/a"]`, `["ls","/a"]`},
		{`CMD-SHELL ls  /a || true`, `["CMD-SHELL","ls  /a || true"]`, `["/bin/sh","-c","ls  /a || true"]`},
		{`["CMD-SHELL", "ls || true"]`, `["CMD-SHELL","ls || true"]`, `["/bin/sh","-c","ls || true"]`},
		{`none`, `["NONE"]`, `null`}, {`["NONE"]`, `["NONE"]`, `null`},
	} {
		words, err := test("--health-cmd", c.flag)
		got, _ := json.Marshal(words)
		command, _ := json.Marshal((&Healthcheck{Test: words}).Command())
		if err != nil || string(got) != c.test || string(command) != c.command {
			t.Errorf("%s: %s, %s, %v", c.flag, got, command, err)
		}
	}
	for _, flag := range []string{" ", "CMD", "cmd-shell", `["CMD"]`, `[""]`, "a\x00b"} {
		_, err := test("--health-cmd", flag)
		wantErr(t, err, ErrInvalid, "--health-cmd")
	}
	for _, h := range []*Healthcheck{nil, {}, {Test: []string{"NONE", "x"}}, {Test: []string{"CMD"}}, {Test: []string{"CMD-SHELL"}}} {
		if h.Command() != nil {
			t.Errorf("%+v executes %q", h, h.Command())
		}
	}
	if got := (&Healthcheck{Test: []string{"ls", "-l"}}).Command(); !slices.Equal(got, []string{"ls", "-l"}) {
		t.Errorf("as it stands: %q", got)
	}
}

// What flags do not say is the image's, what that does not is docker's default.
func TestHealthMerge(t *testing.T) {
	image := &Healthcheck{Test: []string{"CMD", "true"}, Interval: time.Minute, Retries: 9, StartPeriod: -time.Second}
	for name, c := range map[string]struct {
		flags HealthFlags
		image *Healthcheck
		want  *Health
	}{
		"nothing":           {HealthFlags{}, nil, nil},
		"the image's alone": {HealthFlags{}, image, health(Healthcheck{Test: image.Test, Interval: time.Minute, Retries: 9})},
		"flags alone":       {HealthFlags{HealthCmd: "x"}, nil, health(Healthcheck{Test: []string{"CMD-SHELL", "x"}})},
		"both": {HealthFlags{HealthCmd: "x", HealthTimeout: "2s", HealthRetries: ptr(uint(1)), HealthStartPeriod: "3s", HealthStartInterval: "1s"}, image,
			health(Healthcheck{Test: []string{"CMD-SHELL", "x"}, Interval: time.Minute, Timeout: 2 * time.Second, Retries: 1, StartPeriod: 3 * time.Second, StartInterval: time.Second})},
		"refused":        {HealthFlags{NoHealthcheck: true}, image, nil},
		"none":           {HealthFlags{HealthCmd: "none"}, image, nil},
		"the image none": {HealthFlags{}, &Healthcheck{Test: []string{"NONE"}}, nil},
	} {
		got, err := c.flags.merge(c.image)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	off, err := (&HealthFlags{HealthInterval: "disable"}).merge(image)
	if err != nil || off.Check.Interval != 0 {
		t.Errorf("%+v %v", off, err)
	}
	if image.Interval != time.Minute || image.Timeout != 0 {
		t.Error("the image's configuration was changed")
	}
	all, err := (&HealthFlags{
		HealthCmd: "x", HealthStartupCmd: "y", HealthStartupInterval: "1s", HealthStartupTimeout: "2s", HealthStartupRetries: ptr(uint(3)), HealthStartupSuccess: ptr(uint(4)),
		HealthOnFailure: "kill", HealthMaxLogCount: ptr(uint(0)), HealthMaxLogSize: ptr(^uint(0)),
	}).merge(nil)
	want := &Healthcheck{Test: []string{"CMD-SHELL", "y"}, Interval: time.Second, Timeout: 2 * time.Second, Retries: 3, Successes: 4}
	if err != nil || !reflect.DeepEqual(all.Startup, want) || all.OnFailure != "kill" || all.MaxLogCount != 0 || all.MaxLogSize != mostHealth {
		t.Errorf("%+v %+v %v", all, all.Startup, err)
	}
}

// health completes a check by docker's defaults.
func health(c Healthcheck) *Health {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&c.Interval, 30*time.Second)
	set(&c.Timeout, 30*time.Second)
	set(&c.StartInterval, 5*time.Second)
	if c.Retries == 0 {
		c.Retries = 3
	}
	return &Health{Check: &c, OnFailure: "none", MaxLogCount: 5, MaxLogSize: 500}
}

func TestHealthRefused(t *testing.T) {
	for _, c := range []struct {
		flags HealthFlags
		kind  error
		text  string
	}{
		{HealthFlags{NoHealthcheck: true, HealthCmd: "x"}, ErrConflict, "--health-cmd"},
		{HealthFlags{NoHealthcheck: true, HealthStartupRetries: ptr(uint(1))}, ErrConflict, "--health-startup-retries"},
		{HealthFlags{HealthInterval: "x"}, ErrInvalid, "--health-interval"}, {HealthFlags{HealthInterval: "-1s"}, ErrInvalid, "--health-interval"},
		{HealthFlags{HealthTimeout: "0"}, ErrInvalid, "--health-timeout"}, {HealthFlags{HealthStartPeriod: "1"}, ErrInvalid, "--health-start-period"},
		{HealthFlags{HealthStartInterval: "0s"}, ErrInvalid, "--health-start-interval"}, {HealthFlags{HealthRetries: ptr(uint(0))}, ErrInvalid, "--health-retries"},
		{HealthFlags{HealthOnFailure: "x"}, ErrInvalid, "--health-on-failure"}, {HealthFlags{HealthCmd: "CMD"}, ErrInvalid, "--health-cmd"},
		{HealthFlags{HealthStartupCmd: "CMD"}, ErrInvalid, "--health-startup-cmd"},
		{HealthFlags{HealthStartupCmd: "x", HealthStartupInterval: "y"}, ErrInvalid, "--health-startup-interval"},
		{HealthFlags{HealthStartupCmd: "x", HealthStartupTimeout: "y"}, ErrInvalid, "--health-startup-timeout"},
		{HealthFlags{HealthStartupSuccess: ptr(uint(1))}, ErrConflict, "--health-startup-success"},
		{HealthFlags{HealthStartupTimeout: "1s"}, ErrConflict, "--health-startup-timeout"},
	} {
		_, _, err := Build(ask(func(o *Options) { o.HealthFlags = c.flags }))
		wantErr(t, err, c.kind, c.text)
	}
	_, _, err := Build(ask(func(o *Options) { o.HealthRetries = ptr(uint(2)) }))
	wantErr(t, err, ErrConflict, "--health-retries needs a health check", "\n  fix: ")
	in := ask(func(o *Options) { o.HealthRetries = ptr(uint(2)) })
	in.Image.Healthcheck = &Healthcheck{Test: []string{"CMD", "true"}}
	if _, e := mustBuild(t, in); e.Health.Check.Retries != 2 {
		t.Errorf("%+v", e.Health)
	}
}

// FuzzHealthCommand: whatever an image says, what is executed can be.
func FuzzHealthCommand(f *testing.F) {
	for _, s := range []string{"true", `["CMD","x"]`, `["CMD-SHELL"]`, "cmd-shell  ls", `[""]`, "none", "[]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := test("--health-cmd", s)
		if err != nil {
			return
		}
		command := (&Healthcheck{Test: words}).Command()
		if command == nil && words[0] != "NONE" || command != nil && len(command) == 0 {
			t.Errorf("%q: %q executes %q", s, words, command)
		}
	})
}
