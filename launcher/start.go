package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/intent"
	"coracle/launcher/pause"
	"coracle/storage"
)

// Create makes a container without starting it and returns its id.
func Create(ctx context.Context, o *intent.Options, stderr io.Writer) (id string, err error) {
	l, err := identify(ctx, o)
	if err != nil {
		return "", err
	}
	l.keep = true
	defer l.leaveGate()
	dir, err := l.ready(ctx)
	if err != nil {
		if dir != nil {
			l.discard(dir)
		}
		return "", err
	}
	defer dir.Lock.Close()
	l.note(stderr)
	if err := dir.Sync(); err != nil {
		return dir.ID, err
	}
	events.Write(l.paths.Data, events.Event{Type: events.Container, Status: events.Create, ID: dir.ID, Name: dir.Name, Image: l.options.Image(), Attributes: l.extras.Labels})
	return dir.ID, nil
}

// Start says how to start a container that was created before.
type Start struct {
	Name string
	// Attach stays until the container ends; Interactive gives it standard input.
	Attach, Interactive bool
	SigProxy            bool

	// tries counts those that errOtherBase ended.
	tries int
}

// ErrRunning says that a container runs already.
var ErrRunning = errors.New("container is running")

// Start starts a container again. With Attach it returns the container's exit
// status. Errors: storage.ErrNoContainer, [ErrRunning].
func (s Start) Start(ctx context.Context, stderr io.Writer) (int, error) {
	l, err := newLaunch(ctx)
	if err != nil {
		return ExitFailed, err
	}
	set := containers.Set{Containers: storage.Containers{Data: l.paths.Data}}
	c, err := set.Find(s.Name)
	if err != nil {
		return ExitFailed, err
	}
	if err := settle(c.Dir); err != nil {
		return ExitFailed, err
	}
	if err := c.Acquire(); err != nil {
		if c.Paused {
			return ExitFailed, pause.Refuse(s.Name)
		}
		if errors.Is(err, storage.ErrRunning) && !errors.Is(err, storage.ErrInUse) {
			return ExitFailed, fmt.Errorf("%w: %s", ErrRunning, s.Name)
		}
		return ExitFailed, err
	}
	defer c.Lock.Close() // unless the supervisor has it
	if err := l.recall(c); err != nil {
		return ExitFailed, err
	}
	if err := containers.ForgetRun(c.Dir); err != nil {
		return ExitFailed, err
	}
	l.options.Detach = !s.Attach
	l.options.Interactive = l.options.Interactive && (s.Interactive || !s.Attach)
	l.options.SigProxy = s.SigProxy
	status, err := l.run(ctx, io.Discard, stderr)
	if errors.Is(err, errOtherBase) && s.tries < mostBases {
		c.Lock.Close()
		s.tries++
		return s.Start(ctx, stderr)
	}
	if again, ferr := l.fallBack(ctx, stderr, err); ferr != nil {
		return ExitFailed, errors.Join(err, ferr)
	} else if again {
		c.Lock.Close()
		return s.Start(ctx, stderr)
	}
	return status, err
}

// again is what a launch of an existing container keeps from its creation.
type again struct {
	dir *storage.Dir
	// env is the environment: what the host's variables are now does not count.
	env []string
	cwd string
	// image is the id; what has the name now may be another one.
	image   string
	created containers.Intent
}

// recall takes up what was asked when the container was created.
func (l *launch) recall(c *containers.Container) error {
	if c.Err != nil {
		return c.Err
	}
	o := new(intent.Options)
	if err := json.Unmarshal(c.Intent.Options, o); err != nil {
		return fmt.Errorf("container %s cannot be started: its record is damaged: %w\n  fix: coracle rm %s", c.Name, err, c.Name)
	}
	spec, err := c.Spec()
	if err != nil {
		return err
	}
	// What concerned the creation only, and what was read from files then.
	o.Cidfile, o.Replace, o.Name, o.Env, o.EnvFile, o.LabelFile, o.EnvHost, o.HTTPProxy, o.Label = "", false, "", nil, nil, nil, false, false, nil
	for k, v := range c.Intent.Labels {
		o.Label = append(o.Label, k+"="+v)
	}
	l.options = o
	l.again = &again{dir: c.Dir, env: spec.Process.Env, cwd: c.Intent.Cwd, image: c.Intent.ImageID, created: c.Intent}
	return o.Check()
}
