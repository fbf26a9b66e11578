package containers

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"coracle/storage"
)

// restartsFact is the fact of a container whose supervisor has run it more than
// once, or is about to.
const restartsFact = "restarts.json"

// StoppedFact is an empty file: somebody has asked for the container's end since
// it was started, so it is not run again. Clients write it, not the
// supervisor: it takes no room on a full disk, and is found where no supervisor
// answers.
const StoppedFact = "stopped"

// Restarts says how often a supervisor has run its container again.
type Restarts struct {
	Count int // since somebody started it
	// Waiting says that it does not run, and will, at Until. It counts only while
	// the container's lock is held.
	Waiting bool      `json:",omitempty"`
	Until   time.Time `json:",omitzero"`
}

// WriteRestarts leaves the fact. It need not outlive a power cut.
func WriteRestarts(dir string, r Restarts) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return (&storage.Dir{Path: dir}).WriteFact(restartsFact, append(b, '\n'))
}

// ReadRestarts reads the fact; there is none of most containers.
func ReadRestarts(d *storage.Dir) (r Restarts) {
	if b, err := d.ReadFact(restartsFact); err == nil && json.Unmarshal(b, &r) != nil {
		return Restarts{}
	}
	return r
}

// AskStop leaves [StoppedFact].
func AskStop(d *storage.Dir) error {
	f, err := os.OpenFile(filepath.Join(d.Path, StoppedFact), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// StopAsked tells whether somebody has asked for the container's end since it was
// started.
func StopAsked(d *storage.Dir) bool {
	_, err := os.Lstat(filepath.Join(d.Path, StoppedFact))
	return err == nil
}

// ForgetRun removes what is known of earlier runs, but not how the last one
// ended: for who holds the lock and is about to start the container.
func ForgetRun(d *storage.Dir) error {
	return errors.Join(d.RemoveFact(restartsFact), d.RemoveFact(StoppedFact), d.RemoveFact(healthFact))
}

// ForgetExit removes how the container ended last: it runs again, and should it
// now end with its supervisor, that end would be taken for this one.
func ForgetExit(dir string) error {
	err := (&storage.Dir{Path: dir}).RemoveFact(exitFact)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
