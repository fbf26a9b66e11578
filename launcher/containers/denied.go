package containers

import (
	"encoding/json"
	"time"

	"coracle/storage"
)

// deniedFact is the fact of what --egress has denied since the start.
const deniedFact = "denied.json"

// Denied is what --egress has denied.
type Denied struct {
	Version  int // 1
	Attempts []Attempt
	// Others is how many attempts there were that are not listed.
	Others uint64 `json:",omitempty"`
}

// Attempt is one that was denied, once or more often.
type Attempt struct {
	First, Last time.Time
	Count       uint64
	// Protocol is tcp, udp, icmp, or dns for a question about Name.
	Protocol string
	// Address and Port are where it was going.
	Address string `json:",omitempty"`
	Port    uint16 `json:",omitempty"`
	// Name is the one for which the container was given the address last.
	Name string `json:",omitempty"`
}

// WriteDenied leaves the fact. It need not outlive a power cut.
func WriteDenied(dir string, d Denied) error {
	d.Version = 1
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return (&storage.Dir{Path: dir}).WriteFact(deniedFact, append(b, '\n'))
}

// RemoveDenied forgets what was denied in a run before.
func RemoveDenied(dir string) error { return (&storage.Dir{Path: dir}).RemoveFact(deniedFact) }

// Denied is what was denied since the last start, nil for nothing.
func (c *Container) Denied() *Denied {
	b, err := c.ReadFact(deniedFact)
	if err != nil {
		return nil
	}
	d := new(Denied)
	if json.Unmarshal(b, d) != nil || d.Version != 1 {
		return nil
	}
	return d
}
