package main

import (
	"encoding/json"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
)

// inspectRestarts completes a state by what a restart policy and health checks
// have made of it.
func inspectRestarts(c *containers.Container, s *inspectState) {
	// docker has a container that is about to run again running: nobody may remove it.
	s.Restarting = c.Status() == containers.Restarting
	s.Running = s.Running || s.Restarting
	s.StoppedByUser = containers.StopAsked(c.Dir) || c.Exit != nil && c.Exit.StoppedByUser
	s.Health = c.Health()
	s.Healthcheck = s.Health
}

// inspectPolicy is the restart policy; that of a record which cannot be read is
// shown as none.
func inspectPolicy(c *containers.Container) inspectRestart {
	p, err := (&intent.RestartFlags{Restart: c.Intent.Restart}).Policy()
	if err != nil {
		return inspectRestart{Name: intent.RestartNo}
	}
	return inspectRestart{p.Name, p.Max}
}

// inspectHealth completes a configuration by what is checked.
func inspectHealth(c *containers.Container, i *inspectConfig) {
	var h intent.Health
	if c.Intent.Health == nil || json.Unmarshal(c.Intent.Health, &h) != nil {
		return
	}
	i.Healthcheck, i.StartupHealthCheck, i.HealthcheckOnFailureAction = h.Check, h.Startup, h.OnFailure
	i.HealthMaxLogCount, i.HealthMaxLogSize = h.MaxLogCount, h.MaxLogSize
}
