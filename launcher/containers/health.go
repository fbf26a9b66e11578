package containers

import (
	"encoding/json"
	"time"

	"coracle/storage"
)

// healthFact is the fact of what health checks have found since the start.
const healthFact = "health.json"

// The words for a container's health, docker's and podman's.
const (
	Starting  = "starting" // no check has succeeded yet
	Healthy   = "healthy"
	Unhealthy = "unhealthy"
)

// Health is what checks have found, in docker's form.
type Health struct {
	Status        string
	FailingStreak int
	Log           []HealthLog // the latest last
}

// HealthLog is one check.
type HealthLog struct {
	Start, End time.Time
	ExitCode   int // -1 when it took too long
	Output     string
}

// WriteHealth leaves the fact. It need not outlive a power cut.
func WriteHealth(dir string, h Health) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return (&storage.Dir{Path: dir}).WriteFact(healthFact, append(b, '\n'))
}

// Health is what health checks have found since the last start, nil if there are
// none.
func (c *Container) Health() *Health {
	b, err := c.ReadFact(healthFact)
	if err != nil {
		return nil
	}
	h := new(Health)
	if json.Unmarshal(b, h) != nil {
		return nil
	}
	return h
}
