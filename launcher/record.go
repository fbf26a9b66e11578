package launcher

import (
	"encoding/json"
	"time"

	"coracle/launcher/containers"
	"coracle/storage"
)

// defaultLogDriver is where the output of a detached container goes.
const defaultLogDriver = "k8s-file"

// logDriver is where the container's output is kept while nobody stays who
// started it, empty for nowhere.
func (l *launch) logDriver() string {
	switch l.options.LogDriver {
	case "none", "passthrough":
		return ""
	case "":
		return defaultLogDriver
	}
	return l.options.LogDriver
}

// record writes the facts by which others know the container.
func (l *launch) record(d *storage.Dir) error {
	r := containers.Intent{
		Version: 1, Created: time.Now().UTC(), Image: l.options.Image(), Rootfs: l.rootfs, Args: l.options.Argv,
		Labels: l.extras.Labels, StopSignal: l.extras.StopSignal, StopTimeout: l.extras.StopTimeout.Seconds(),
		LogDriver: l.logDriver(), Entrypoint: l.extras.Entrypoint, Cmd: l.extras.Cmd, Network: l.extras.Network, TTY: l.extras.TTY, Interactive: l.extras.Interactive, Seccomp: l.extras.Seccomp, Cwd: l.cwd,
	}
	if l.extras.StopTimeout < 0 {
		r.StopTimeout = -1
	}
	var err error
	if r.Options, err = l.options.Encode(); err != nil {
		return err
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
