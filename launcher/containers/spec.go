package containers

import (
	"encoding/json"
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Spec is the runtime specification that the container was made from, its Process
// and Linux parts never nil. A throw-away container has none in its first
// moments: fs.ErrNotExist.
func (c *Container) Spec() (*specs.Spec, error) {
	b, err := c.ReadFact(SpecFact)
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", c.ID[:12], err)
	}
	s := new(specs.Spec)
	if err = json.Unmarshal(b, s); err == nil && (s.Process == nil || s.Linux == nil) {
		err = errors.New("it describes no process")
	}
	if err != nil {
		return nil, fmt.Errorf("container %s: its record %s is damaged: %w\n  fix: coracle rm -f %[1]s", c.ID[:12], SpecFact, err)
	}
	return s, nil
}
