package launcher

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"coracle/launcher/containers"
	"coracle/launcher/intent"
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

// logConfig is what the supervisor is told of the log. --log-opt was checked before.
func (l *launch) logConfig(d *storage.Dir) logConfig {
	asked, _ := l.options.LogLimits()
	c := logConfig{Driver: l.logDriver(), MaxSize: asked.MaxSize, MaxFiles: asked.MaxFiles, Path: asked.Path}
	if c.Path != "" && !filepath.IsAbs(c.Path) {
		c.Path = filepath.Join(l.cwd, c.Path)
	}
	if asked.Tag != "" {
		image := ""
		if l.image != nil {
			image = l.image.ID
		}
		c.Tag, _ = intent.Tag(asked.Tag, map[string]string{
			"ID": d.ID[:12], "FullID": d.ID, "Name": d.Name, "ImageName": l.options.Image(), "ImageID": image[:min(12, len(image))], "ImageFullID": image, "DaemonName": "coracle",
		})
	}
	return c
}

// follows says that the caller stays and the output is kept, too: it goes through
// the supervisor then. Without --log-driver the container has the caller's
// descriptors.
func (l *launch) follows() bool {
	return !l.options.Detach && l.options.LogDriver != "" && l.logDriver() != ""
}

// record writes the facts by which others know the container.
func (l *launch) record(d *storage.Dir) error {
	r := containers.Intent{
		Version: 1, Created: time.Now().UTC(), Image: l.options.Image(), Rootfs: l.rootfs, Args: l.options.Argv,
		Labels: l.extras.Labels, StopSignal: l.extras.StopSignal, StopTimeout: l.extras.StopTimeout.Seconds(),
		LogDriver: l.logDriver(), LogPath: l.logConfig(d).Path, Entrypoint: l.extras.Entrypoint, Cmd: l.extras.Cmd, Network: l.extras.Network, TTY: l.extras.TTY, Interactive: l.extras.Interactive, Seccomp: l.extras.Seccomp, Cwd: l.cwd,
	}
	if l.extras.StopTimeout < 0 {
		r.StopTimeout = -1
	}
	var err error
	if r.Options, err = l.options.Encode(); err != nil {
		return err
	}
	if l.image != nil {
		r.ImageID, r.ImageDigest, r.ImageSize, r.ExposedPorts = l.image.ID, l.image.Digest, max(l.image.Size, 0), l.image.Config.ExposedPorts
	}
	r.User, r.CreateCommand = l.options.User, os.Args
	if p, err := l.options.Policy(); err == nil && p.Restarts() {
		r.Restart = p.String()
	}
	if l.extras.Health != nil {
		if r.Health, err = json.Marshal(l.extras.Health); err != nil {
			return err
		}
	}
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
