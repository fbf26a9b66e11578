package containers

import (
	"time"

	"coracle/storage"
)

// Settle waits while a container's lock is held without a process to show for it: its
// supervisor cleans up, or starts it. wait bounds that; its end is no error.
func Settle(d *storage.Dir, wait time.Duration) error {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if alive, err := d.Alive(); err != nil || !alive {
			return err
		}
		if s, ok := ReadState(d); ok && s.Exists() {
			return nil // it runs, or its record is wrong: waiting mends neither
		}
		if ReadRestarts(d).Waiting {
			return nil // it will run again
		}
	}
	return nil
}
