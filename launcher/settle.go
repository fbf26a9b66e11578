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

func settleFor(d *storage.Dir, wait time.Duration) error { return containers.Settle(d, wait) }
