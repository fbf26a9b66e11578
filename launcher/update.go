package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/cgroup"
	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/launcher/intent"
	"coracle/storage"
)

// Update changes the limits of a container, at once if it runs, and for its next
// starts. Errors: storage.ErrNoContainer, cgroup.ErrNotDelegated, and those of
// [intent.Options.Check].
func (c *Containers) Update(ctx context.Context, name string, change func(*intent.Options) error) error {
	x, err := c.settled(name)
	if err != nil {
		return err
	}
	if x.Err != nil {
		return x.Err
	}
	o := &intent.Options{}
	if len(x.Intent.Options) > 0 { // a throw-away container may have no record yet
		if err := json.Unmarshal(x.Intent.Options, o); err != nil {
			return fmt.Errorf("container %s: its record is damaged: %w\n  fix: coracle rm %s", name, err, name)
		}
	}
	asked := *o
	before, err := intent.LimitsOf(&o.Limits)
	if err != nil {
		return err
	}
	if err := change(o); err != nil {
		return err
	}
	if err := o.Check(); err != nil {
		return err
	}
	r, err := intent.LimitsOf(&o.Limits)
	if err != nil {
		return err
	}
	if err := cgroup.Find(cgroup.Real()).Allows(r); err != nil {
		return err
	}
	if x.Running && x.PID != 0 {
		if err := livePolicy(x, asked, o); err != nil {
			return err
		}
		if err := updateLive(ctx, x, before, r); err != nil {
			return err
		}
	}
	if err := persist(x, o, r); err != nil {
		return err
	}
	c.Event(x, events.Update, nil)
	return nil
}

// livePolicy refuses a first restart policy where the supervisor has not kept what
// another run needs: the caller's descriptors, or namespaces of other containers.
func livePolicy(x *containers.Container, asked intent.Options, o *intent.Options) error {
	was, err := asked.Policy()
	if err != nil {
		return err
	}
	now, err := o.Policy()
	if err != nil || was.Restarts() || !now.Restarts() {
		return err
	}
	joins := false
	if spec, err := x.Spec(); err == nil {
		joins = slices.ContainsFunc(spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Path != "" })
	}
	if asked.Detach && !joins {
		return nil
	}
	return fmt.Errorf("--restart %s: container %s was started to run once, in the foreground or in namespaces of another container\n  fix: coracle stop %[2]s, then coracle update, then coracle start %[2]s", o.Restart, x.Name)
}

// updateLive writes the limits of a container that runs.
func updateLive(ctx context.Context, x *containers.Container, before, r *specs.LinuxResources) error {
	if r == nil || !cgroup.Limits(before) && !cgroup.Limits(r) {
		return nil
	}
	g, err := cgroup.OfContainer(x.ID, x.PID)
	if errors.Is(err, cgroup.ErrNone) {
		return fmt.Errorf("%w, so that it has no limit that could be changed: it was started without any\n  fix: coracle stop %s, then coracle update, then coracle start %[2]s", err, x.Name)
	}
	if err != nil {
		return err
	}
	if err := g.Enable(r); err != nil {
		return err
	}
	return setLimits(ctx, g, r)
}

// persist makes the next start have the same.
func persist(x *containers.Container, o *intent.Options, r *specs.LinuxResources) error {
	spec, err := x.Spec()
	if errors.Is(err, fs.ErrNotExist) && !x.Keep {
		return nil // there is no next start
	}
	if err != nil {
		return err
	}
	i := x.Intent
	if i.Options, err = o.Encode(); err != nil {
		return err
	}
	i.Restart = ""
	if p, err := o.Policy(); err == nil && p.Restarts() {
		i.Restart = p.String()
	}
	spec.Linux.Resources = r
	return writeRecord(x.Dir, i, spec)
}

// writeRecord leaves the facts by which others know a container.
func writeRecord(d *storage.Dir, i containers.Intent, spec *specs.Spec) error {
	for _, f := range []struct {
		name  string
		value any
	}{{containers.SpecFact, spec}, {containers.IntentFact, i}} {
		b, err := json.Marshal(f.value)
		if err != nil {
			return err
		}
		if err := d.WriteFact(f.name, append(b, '\n')); err != nil {
			return err
		}
	}
	return nil
}
