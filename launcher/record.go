package launcher

import (
	"encoding/json"
	"time"

	"coracle/storage"
)

// intentFact and specFact are the facts of a container that is kept: what was
// asked, and the runtime specification it became. docs/formats.md has them.
const (
	intentFact = "intent.json"
	specFact   = "spec.json"
)

// intentRecord is the content of intentFact.
type intentRecord struct {
	Version     int // 1
	Created     time.Time
	Image       string            `json:",omitempty"` // as asked for
	ImageID     string            `json:",omitempty"`
	Rootfs      string            `json:",omitempty"`
	Args        []string          // the command line after run
	Labels      map[string]string `json:",omitempty"`
	StopSignal  int
	StopTimeout float64 // seconds, negative for ever
}

// record writes the facts of a container that outlives its end. A throw-away
// container has nothing that anybody could ask for later.
func (l *launch) record(d *storage.Dir) error {
	if !d.Keep {
		return nil
	}
	r := intentRecord{
		Version: 1, Created: time.Now().UTC(), Image: l.options.Image(), Rootfs: l.rootfs, Args: l.options.Argv,
		Labels: l.extras.Labels, StopSignal: l.extras.StopSignal, StopTimeout: max(l.extras.StopTimeout.Seconds(), 0),
	}
	if r.StopTimeout < 0 {
		r.StopTimeout = -1
	}
	if l.extras.StopTimeout < 0 {
		r.StopTimeout = -1
	}
	if l.image != nil {
		r.ImageID = l.image.ID
	}
	// Nothing waits for the disk before the start: the supervisor syncs after it.
	unsynced := *d
	unsynced.Keep = false
	for name, v := range map[string]any{intentFact: r, specFact: l.spec} {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := unsynced.WriteFact(name, append(b, '\n')); err != nil {
			return err
		}
	}
	return nil
}
