package intent

import (
	"encoding/json"
	"strings"
	"time"
)

// HealthFlags holds the flags about health checks, podman's and docker's.
type HealthFlags struct {
	HealthCmd             string `placeholder:"COMMAND" help:"Command that tells whether the container is well; none for no check. A JSON array is executed without a shell."`
	HealthInterval        string `placeholder:"TIME" help:"Time between checks (30s), disable for none but those of healthcheck run."`
	HealthTimeout         string `placeholder:"TIME" help:"A check that takes longer is killed, and has failed (30s)."`
	HealthRetries         *uint  `placeholder:"N" help:"Failures in a row that make it unhealthy (3)."`
	HealthStartPeriod     string `placeholder:"TIME" help:"Failures do not count for this long after the start (0s)."`
	HealthStartInterval   string `placeholder:"TIME" help:"Time between checks while failures do not count."`
	HealthStartupCmd      string `placeholder:"COMMAND" help:"Check that has to succeed before the others begin."`
	HealthStartupInterval string `placeholder:"TIME" help:"Time between these (30s)."`
	HealthStartupTimeout  string `placeholder:"TIME" help:"One that takes longer has failed (30s)."`
	HealthStartupRetries  *uint  `placeholder:"N" help:"Failures after which the container is restarted (0: never)."`
	HealthStartupSuccess  *uint  `placeholder:"N" help:"Successes that are wanted (1)."`
	HealthOnFailure       string `placeholder:"none|kill|restart|stop" help:"What to do with an unhealthy container."`
	HealthMaxLogCount     *uint  `placeholder:"N" help:"Checks that are remembered (5)."`
	HealthMaxLogSize      *uint  `placeholder:"N" help:"Bytes of each one's output (500)."`
	NoHealthcheck         bool   `help:"No health check, not even the image's."`
}

// What is done with an unhealthy container.
const (
	OnFailureNone    = "none"
	OnFailureKill    = "kill"
	OnFailureRestart = "restart"
	OnFailureStop    = "stop"
)

// Healthcheck is docker's form of a check, which image configurations have, too: times are nanoseconds. In
// what [Build] gives, 0 stands for itself: with an Interval of 0 nothing is checked unless somebody asks.
type Healthcheck struct {
	Test          []string      `json:",omitempty"` // NONE; CMD and words; CMD-SHELL and a line; nil inherits
	Interval      time.Duration `json:",omitempty"`
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
	// Successes is podman's, of a check at the start.
	Successes int `json:",omitempty"`
}

// Health is all that is asked about a container's health.
type Health struct {
	Check *Healthcheck
	// Startup has to succeed before Check begins, nil for none.
	Startup     *Healthcheck `json:",omitempty"`
	OnFailure   string
	MaxLogCount int // 0: no bound, as in podman
	MaxLogSize  int
}

// The defaults of docker and podman.
const (
	healthInterval      = 30 * time.Second
	healthTimeout       = 30 * time.Second
	healthStartInterval = 5 * time.Second
	healthRetries       = 3
	healthLogCount      = 5
	healthLogSize       = 500
)

// Command is what the check executes, nil for nothing.
func (h *Healthcheck) Command() []string {
	if h == nil || len(h.Test) == 0 || strings.EqualFold(h.Test[0], "NONE") {
		return nil
	}
	switch first, rest := strings.ToUpper(h.Test[0]), h.Test[1:]; {
	case first == "CMD" && len(rest) > 0:
		return rest
	case first == "CMD-SHELL" && len(rest) > 0:
		return []string{"/bin/sh", "-c", strings.Join(rest, " ")}
	case first == "CMD" || first == "CMD-SHELL":
		return nil
	}
	return h.Test
}

// test reads a command as podman does: a JSON array, the words of a Dockerfile, or a line for the shell.
func test(flag, s string) ([]string, error) {
	var words []string
	array := json.Unmarshal([]byte(s), &words) == nil && len(words) > 0
	if !array {
		words = strings.Fields(s)
	}
	if len(words) == 0 || words[0] == "" || strings.IndexByte(s, 0) >= 0 {
		return nil, invalid(flag, s, "a command is wanted, or none")
	}
	switch first := strings.ToUpper(words[0]); {
	case first == "NONE":
		return []string{"NONE"}, nil
	case len(words) == 1 && (first == "CMD" || first == "CMD-SHELL"):
		return nil, invalid(flag, s, "a command is wanted after "+first)
	case first == "CMD":
		return append([]string{first}, words[1:]...), nil
	case first == "CMD-SHELL" && array:
		return append([]string{first}, words[1:]...), nil
	case first == "CMD-SHELL":
		return []string{first, strings.TrimSpace(strings.TrimSpace(s)[len(first):])}, nil
	case array && len(words) > 1:
		return append([]string{"CMD"}, words...), nil
	case array:
		return []string{"CMD-SHELL", words[0]}, nil
	}
	return []string{"CMD-SHELL", s}, nil
}

// minHealth is the least time between two checks, docker's.
const minHealth = time.Millisecond

// duration reads a time; zero says that 0 is one.
func duration(flag, s string, zero bool, to *time.Duration) error {
	if s == "" {
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < minHealth && (d != 0 || !zero) {
		return invalid(flag, s, "a time is wanted, as in 1m30s")
	}
	*to = d
	return nil
}
