package launcher

import (
	"time"

	"coracle/launcher/containers"
	"coracle/storage"
)

// settleWait bounds how long somebody who wants a container's name or directory
// waits for its supervisor, which is about to let go of them.
const settleWait = 10 * time.Second

// settle waits while a container's lock is held without a process to show for
// it. A supervisor tells its caller the exit status before it cleans up, so
// that nobody waits for the latter; the next command, which may come at once,
// must not find the container running or its name in use. A container that is
// being started looks the same, for as long.
func settle(d *storage.Dir) error { return settleFor(d, settleWait) }

func settleFor(d *storage.Dir, wait time.Duration) error {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if alive, err := d.Alive(); err != nil || !alive {
			return err
		}
		if s, ok := containers.ReadState(d); ok && s.Exists() {
			return nil // it runs, or its record is wrong: waiting mends neither
		}
		if containers.ReadRestarts(d).Waiting {
			return nil // it will run again
		}
	}
	return nil
}
