package launcher

import (
	"encoding/json"
	"time"

	"coracle/launcher/containers"
	"coracle/storage"
)

// record writes the facts of a container that outlives its end. A throw-away
// container has nothing that anybody could ask for later.
func (l *launch) record(d *storage.Dir) error {
	if !d.Keep {
		return nil
	}
	r := containers.Intent{
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
	r.User = l.options.User
	if maps := l.mapsSeen(); !maps.Host {
		r.UIDs, r.GIDs = maps.UIDs, maps.GIDs
	}
	// Nothing waits for the disk before the start: the supervisor syncs after it.
	unsynced := *d
	unsynced.Keep = false
	for name, v := range map[string]any{containers.IntentFact: r, containers.SpecFact: l.spec} {
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
