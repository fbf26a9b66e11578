package launcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// ErrNoHealthcheck says that there is nothing to check.
var ErrNoHealthcheck = errors.New("the container has no health check\n  fix: --health-cmd when it is made")

// planHealth computes what checks execute: what exec would, with the filter that
// the container has.
func (l *launch) planHealth(host *intent.HostFacts, filter *plan.Filter) (err error) {
	h := l.extras.Health
	if h == nil {
		return nil
	}
	l.health = &healthRequest{Health: *h, StopSignal: l.extras.StopSignal, StopTimeout: l.extras.StopTimeout}
	if l.health.check, err = l.healthOps(h.Check, host, filter); err == nil && h.Startup != nil {
		l.health.startup, err = l.healthOps(h.Startup, host, filter)
	}
	if err != nil {
		return fmt.Errorf("cannot plan the health check: %w", err)
	}
	return nil
}

func (l *launch) healthOps(c *intent.Healthcheck, host *intent.HostFacts, filter *plan.Filter) ([]tape.Op, error) {
	process, _, err := intent.Exec(intent.ExecInput{
		Options: &intent.ExecOptions{}, Command: c.Command(), Base: l.spec, Maps: l.intentMaps(), Host: host,
	})
	if err != nil {
		return nil, err
	}
	return plan.NewExec(plan.ExecInput{Process: process, Filter: filter, DenySetgroups: l.grant.Single, MappedRoot: mapsRoot(l.spec)})
}

// runsOnce tells that a container that is thrown away is not run again before: overlay
// refuses an upper directory that was mounted volatile.
func (l *launch) runsOnce() bool {
	return l.extras.Health == nil || !mayRestart(intent.RestartPolicy{}, &healthRequest{Health: *l.extras.Health})
}

// imageHealth is the check that an image's configuration asks for, nil for none.
// The OCI form of configurations has no word for it; docker's and podman's images
// have it all the same, in docker's.
func imageHealth(config []byte) *intent.Healthcheck {
	if !bytes.Contains(config, []byte(`"Healthcheck"`)) { // of nearly all images: nothing to parse
		return nil
	}
	var c struct {
		Config struct{ Healthcheck *intent.Healthcheck } `json:"config"`
	}
	if json.Unmarshal(config, &c) != nil || c.Config.Healthcheck.Command() == nil {
		return nil
	}
	return c.Config.Healthcheck
}

// CheckHealth has a running container's supervisor make a check and returns
// whether it succeeded, and the word for the container's health. Errors:
// storage.ErrNoContainer, [ErrNotRunning], [ErrNoHealthcheck].
func (c *Containers) CheckHealth(_ context.Context, name string) (ok bool, status string, err error) {
	x, err := c.Running(name)
	if err != nil {
		return false, "", err
	}
	if x.Intent.Health == nil {
		return false, "", fmt.Errorf("container %s: %w", x.Name, ErrNoHealthcheck)
	}
	client, err := dial(c.run, x.ID)
	if err != nil {
		return false, "", err
	}
	defer client.f.Close()
	if err := client.send(msgHealth, []byte{controlVersion}); err != nil {
		return false, "", fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	}
	switch k, payload, fds, err := client.receive(); {
	case err != nil:
		return false, "", fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	case k == msgChecked && len(payload) > 1:
		return payload[0] == 0, string(payload[1:]), nil
	default:
		closeAll(fds)
		return false, "", fmt.Errorf("container %s: %s", x.Name, text(payload))
	}
}

// HealthStatus is the word for a container's health, empty where nothing is
// checked or nothing runs.
func HealthStatus(x *containers.Container) string {
	if h := x.Health(); h != nil && x.PID != 0 {
		return h.Status
	}
	return ""
}
