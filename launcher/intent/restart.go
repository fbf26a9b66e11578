package intent

import (
	"strconv"
	"strings"
)

// RestartFlags holds the flag that says when a container that has ended is run again.
type RestartFlags struct {
	Restart string `placeholder:"no|on-failure[:N]|always|unless-stopped" help:"When to run the container again after it has ended."`
}

// The names of restart policies, docker's.
const (
	RestartNo            = "no"
	RestartOnFailure     = "on-failure"
	RestartAlways        = "always"
	RestartUnlessStopped = "unless-stopped"
)

// RestartPolicy says when a container that has ended is run again.
type RestartPolicy struct {
	Name string // one of the words above
	// Max is how often at most, with on-failure; 0: as often as need be.
	Max int
}

// String gives the policy as the flag has it.
func (p RestartPolicy) String() string {
	if p.Max > 0 {
		return p.Name + ":" + strconv.Itoa(p.Max)
	}
	return p.Name
}

// Restarts tells whether the policy ever runs a container again.
func (p RestartPolicy) Restarts() bool { return p.Name != RestartNo && p.Name != "" }

// After tells whether a container is run again that has ended by itself with an exit status, and was run
// again count times already. (unless-stopped differs from always only when the machine has been started.)
func (p RestartPolicy) After(status, count int) bool {
	switch p.Name {
	case RestartAlways, RestartUnlessStopped:
		return true
	case RestartOnFailure:
		return status != 0 && (p.Max == 0 || count < p.Max)
	}
	return false
}

// Policy reads the flag: podman's words, of which docker's are a part.
func (f *RestartFlags) Policy() (RestartPolicy, error) {
	name, n, bounded := strings.Cut(f.Restart, ":")
	switch {
	case name == "" && !bounded || name == RestartNo || name == "never":
		name = RestartNo
	case name != RestartOnFailure && name != RestartAlways && name != RestartUnlessStopped:
		return RestartPolicy{}, invalid("--restart", f.Restart, "no, on-failure[:N], always and unless-stopped are possible")
	}
	p := RestartPolicy{Name: name}
	if !bounded {
		return p, nil
	}
	if name != RestartOnFailure {
		return RestartPolicy{}, invalid("--restart", f.Restart, "only on-failure has a number")
	}
	max, err := strconv.ParseUint(n, 10, 31)
	if err != nil {
		return RestartPolicy{}, invalid("--restart", f.Restart, "a number is wanted after the colon, 0 for no limit")
	}
	p.Max = int(max)
	return p, nil
}

func (o *Options) checkRestart() error {
	p, err := o.RestartFlags.Policy()
	switch {
	case err != nil:
		return err
	case p.Restarts() && o.Rm:
		return conflict("--restart "+p.String(), "--rm", "a container that is removed when it ends cannot be run again")
	case p.Restarts() && o.PreserveFDs > 0:
		return conflict("--restart "+p.String(), "--preserve-fds", "the first run would use them up")
	}
	return nil
}
