package containers

import (
	"encoding/json"
	"time"

	"coracle/storage"
)

// exitFact is the fact of how a kept container ended last.
const exitFact = "exit.json"

// Exit is the end of a container.
type Exit struct {
	Status            int // as a shell shows it: 128 and the signal's number after a signal
	Started, Finished time.Time
	OOMKilled         bool `json:",omitempty"`
	// StoppedByUser says that somebody asked for it.
	StoppedByUser bool   `json:",omitempty"`
	Error         string `json:",omitempty"` // why it never ran
}

// WriteExit leaves the fact in a container's directory.
func WriteExit(dir string, e Exit) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return (&storage.Dir{Path: dir}).WriteFact(exitFact, append(b, '\n'))
}

// ReadExit reads the fact; ok only if the container has ended before, and the
// fact can be read.
func ReadExit(d *storage.Dir) (e Exit, ok bool) {
	b, err := d.ReadFact(exitFact)
	if err != nil {
		return Exit{}, false
	}
	return e, json.Unmarshal(b, &e) == nil
}
