package launcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/cgroup"
	"coracle/storage"
)

// grouped is what a launch knows of its container's cgroup.
type grouped struct {
	// place is nil when there is none to be made.
	place *cgroup.Place
	group *cgroup.Held
}

// groupHost decides how containers get cgroups here.
func (l *launch) groupHost() *cgroup.Host {
	if l.shell != nil {
		return &cgroup.Host{Way: cgroup.None, Why: "inside coracle unshare nobody is the user that systemd knows", Fix: "leave the shell of coracle unshare"}
	}
	return cgroup.Find(cgroup.Real())
}

// placeGroup decides where the container's cgroup is to be, and refuses limits that
// this host cannot enforce.
func (l *launch) placeGroup(id string) (err error) {
	// A cgroup that it may write must be its own: the caller's is not for it.
	own := l.options.Detach || l.extras.CgroupWritable
	l.place, err = l.groupHost().Place(cgroup.Ask{
		ID: id, Parent: l.options.CgroupParent, Mode: l.options.Cgroups, Resources: l.spec.Linux.Resources, Stays: own,
	})
	if err == nil {
		err = l.systemdNeeds()
	}
	if l.place == nil && l.extras.CgroupWritable {
		l.extras.CgroupWritable = false
		for i := range l.spec.Mounts {
			if m := &l.spec.Mounts[i]; m.Type == "cgroup" {
				m.Options = append(m.Options, "ro")
			}
		}
	}
	return err
}

// makeGroup makes the cgroup and sets the limits.
func (l *launch) makeGroup(ctx context.Context, supervisor int, id string, stderr io.Writer) (err error) {
	if l.place == nil {
		return nil
	}
	r := l.spec.Linux.Resources
	if l.place.Way == cgroup.Systemd {
		l.group, err = l.makeScope(ctx, supervisor, id)
		if err != nil && !cgroup.Limits(r) && l.options.CgroupParent == "" && !l.extras.CgroupWritable {
			fmt.Fprintln(stderr, "coracle: the container has no cgroup of its own and may end with this session: "+err.Error())
			l.place = nil
			return nil
		}
	} else {
		l.group, err = l.place.Make()
	}
	if err == nil && r != nil {
		err = setLimits(ctx, l.group.Group, r)
	}
	return err
}

// makeScope asks systemd for a scope and makes the cgroup in it.
func (l *launch) makeScope(ctx context.Context, supervisor int, id string) (*cgroup.Held, error) {
	host := l.groupHost()
	err := askForGroup(ctx, cgroup.Order{Scope: &cgroup.Scope{
		Bus: host.Bus, Name: l.place.Scope, Slice: l.place.Slice, PID: supervisor, Description: "Container " + id[:12],
	}})
	if err != nil {
		return nil, err
	}
	scope, err := cgroup.Of(supervisor)
	if err != nil {
		return nil, fmt.Errorf("cannot find the scope: %w", err)
	}
	return l.place.MakeIn(scope.Unified, supervisor)
}

// leaveGroup lets go of the cgroup, which is the supervisor's now. One that no
// supervisor has is removed.
func (l *launch) leaveGroup() {
	if l.group == nil {
		return
	}
	g := l.group.Group
	l.group.Close()
	l.group = nil
	g.RemoveUnheld()
}

// setLimits writes limits into a container's cgroup.
func setLimits(ctx context.Context, g cgroup.Group, r *specs.LinuxResources) error {
	if g.V2() {
		return g.Write(r)
	}
	return askForGroup(ctx, cgroup.Order{V1: &cgroup.V1Limits{Dirs: g.V1, Resources: r}})
}

// askForGroup has the image engine do what files alone cannot. It runs as the user,
// in this process's namespaces.
func askForGroup(ctx context.Context, o cgroup.Order) error {
	engine, err := storage.Engine()
	if err != nil {
		return err
	}
	defer engine.Close()
	in, err := json.Marshal(o)
	if err != nil {
		return err
	}
	const inherited = 3 // the first of ExtraFiles
	cmd := exec.CommandContext(ctx, fmt.Sprintf("/proc/self/fd/%d", inherited))
	cmd.Args = []string{"coracle-engine", cgroup.EngineVerb}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.ExtraFiles = []*os.File{engine}
	cmd.Stdin = bytes.NewReader(in)
	out, rerr := cmd.Output()
	var answer cgroup.Outcome
	if err := json.Unmarshal(out, &answer); err != nil {
		return fmt.Errorf("the image engine gave no answer about the cgroup: %w", errors.Join(rerr, err))
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return rerr
}
