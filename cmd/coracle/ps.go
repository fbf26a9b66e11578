package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher"
	"coracle/launcher/containers"
)

// PsCmd is `coracle ps`.
type PsCmd struct {
	All       bool     `short:"a" help:"Show all containers, not only running ones."`
	Quiet     bool     `short:"q" help:"Show ids only."`
	NoTrunc   bool     `help:"Do not shorten anything."`
	Format    string   `placeholder:"TEMPLATE|json" help:"Print in another form."`
	Filter    []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only what fits: id, name, label, status, exited, ancestor, before, since, volume, network, health, restart-policy."`
	Latest    bool     `short:"l" help:"Show the container made last."`
	Last      int      `short:"n" placeholder:"N" help:"Show the N containers made last."`
	Size      bool     `short:"s" help:"Show how much the changes take on disk."`
	NS        bool     `name:"ns" aliases:"namespace" help:"Show the namespaces."`
	Pod       bool     `short:"p" help:"Show pods: there are none."`
	External  bool     `help:"Show containers of other programs, too: none can be seen."`
	Sync      bool     `hidden:"" help:"podman's; what is shown is always true."`
	NoHeading bool     `name:"noheading" help:"Leave the titles out."`
	Sort      string   `default:"created" placeholder:"created|id|image|names|runningfor|status" help:"Order."`
}

// Run lists containers.
func (c *PsCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	list, err := all.List()
	if err != nil {
		return launcher.ExitFailed, err
	}
	in := attachedTo(all)
	fit, status, err := psFilter(list, in, c.Filter)
	if err != nil {
		return launcher.ExitFailed, err
	}
	slices.SortFunc(list, func(a, b *containers.Container) int { return b.Intent.Created.Compare(a.Intent.Created) })
	rows := []psRow{}
	for _, x := range list {
		if !fit(x) || !c.All && !c.Latest && c.Last == 0 && !status && x.PID == 0 && x.Status() != containers.Restarting {
			continue
		}
		rows = append(rows, psRow{c: x, now: time.Now(), whole: c.NoTrunc, in: in})
	}
	if n := c.Last; n > 0 || c.Latest {
		rows = rows[:min(max(n, 1), len(rows))]
	}
	if c.Size || strings.Contains(c.Format, ".Size") || c.Sort == "size" {
		sizes, err := all.Sizes(ctx, list)
		if err != nil {
			return launcher.ExitFailed, err
		}
		for i, r := range rows {
			rows[i].size, rows[i].sized = sizes[r.c.ID], true
		}
	}
	if err := psSort(rows, c.Sort); err != nil {
		return launcher.ExitFailed, err
	}
	if c.Quiet {
		for _, r := range rows {
			fmt.Println(r.ID())
		}
		return 0, nil
	}
	l := format.List{
		Format: c.Format, NoHeading: c.NoHeading, Headers: map[string]string{"ID": "CONTAINER ID", "RunningFor": "CREATED", "CreatedHuman": "CREATED"},
		Default: "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
	}
	if c.NS {
		l.Default = "{{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.Namespaces.Cgroup}}\t{{.Namespaces.IPC}}\t{{.Namespaces.MNT}}\t{{.Namespaces.NET}}\t{{.Namespaces.PIDNS}}\t{{.Namespaces.User}}\t{{.Namespaces.UTS}}"
		if c.Format == "" && !c.NoHeading {
			return psNamespaces(rows)
		}
	}
	if c.Size {
		l.Default += "\t{{.Size}}"
	}
	if err := l.Print(os.Stdout, rows); err != nil {
		return launcher.ExitFailed, err
	}
	return 0, nil
}

// psRow is a container as docker's and podman's templates ask for it.
type psRow struct {
	c     *containers.Container
	now   time.Time
	whole bool
	size  int64
	sized bool
	in    attached
}

// ID is the container's id, shortened unless --no-trunc.
func (r psRow) ID() string {
	if r.whole {
		return r.c.ID
	}
	return format.ShortID(r.c.ID)
}

// Image is the image as it was asked for.
func (r psRow) Image() string {
	switch {
	case r.c.Intent.Rootfs != "":
		return r.c.Intent.Rootfs
	case r.c.Intent.Image != "":
		return r.c.Intent.Image
	}
	return format.ShortID(r.c.Intent.ImageID)
}

// ImageID is the id of the image.
func (r psRow) ImageID() string { return r.c.Intent.ImageID }

// Command is what the container executes.
func (r psRow) Command() string {
	s := strings.Join(r.c.Intent.Command(), " ")
	if !r.whole {
		s = format.Truncate(s, 20)
	}
	return s
}

// CreatedAt is when the container was made.
func (r psRow) CreatedAt() string {
	return r.c.Intent.Created.Local().Format("2006-01-02 15:04:05 -0700 MST")
}

// RunningFor is how long ago that was.
func (r psRow) RunningFor() string { return format.Age(r.c.Intent.Created, r.now) }

// CreatedHuman is podman's name for it.
func (r psRow) CreatedHuman() string { return r.RunningFor() }

// Created is podman's, as seconds since 1970.
func (r psRow) Created() int64 { return r.c.Intent.Created.Unix() }

// State is one word: created, running, exited.
func (r psRow) State() string { return r.c.Status() }

// Status is the state in a few words.
func (r psRow) Status() string {
	switch e := r.c.Exit; r.c.Status() {
	case containers.Running:
		return "Up " + format.Duration(r.now.Sub(r.c.Started)) + r.health()
	case containers.Restarting:
		if e != nil {
			return fmt.Sprintf("Restarting (%d) %s", e.Status, format.Age(cmpTime(e.Finished, e.Started), r.now))
		}
		return "Restarting"
	case containers.Paused:
		return "Up " + format.Duration(r.now.Sub(r.c.Started)) + " (Paused)"
	case containers.Exited:
		return fmt.Sprintf("Exited (%d) %s", e.Status, format.Age(cmpTime(e.Finished, e.Started), r.now))
	}
	return "Created"
}

// health is what docker puts behind the state, where health is checked.
func (r psRow) health() string {
	switch h := launcher.HealthStatus(r.c); h {
	case "":
		return ""
	case containers.Starting:
		return " (health: starting)"
	default:
		return " (" + h + ")"
	}
}

func cmpTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// StartedAt is when the container was started last, in seconds since 1970.
func (r psRow) StartedAt() int64 { return max(r.c.Started.Unix(), 0) }

// Exited tells whether it has ended, ExitedAt when, ExitCode how.
func (r psRow) Exited() bool { return r.c.Exit != nil }

// ExitedAt is when it ended, in seconds since 1970, or 0.
func (r psRow) ExitedAt() int64 {
	if r.c.Exit == nil {
		return 0
	}
	return max(r.c.Exit.Finished.Unix(), 0)
}

// ExitCode is the exit status of the last run.
func (r psRow) ExitCode() int {
	if r.c.Exit == nil {
		return 0
	}
	return r.c.Exit.Status
}

// Names is the container's name.
func (r psRow) Names() string { return r.c.Name }

// Labels are the container's labels: in templates map[k:v], as podman has it.
func (r psRow) Labels() map[string]string { return r.c.Intent.Labels }

// Label is one of them.
func (r psRow) Label(key string) string { return r.c.Intent.Labels[key] }

// Pid is the first process, 0 when the container does not run.
func (r psRow) Pid() int { return r.c.PID }

// Ports are the published ports.
func (r psRow) Ports() string {
	var list []string
	for _, p := range launcher.Ports(r.c) {
		list = append(list, p.Host()+"->"+p.Container())
	}
	return strings.Join(list, ", ")
}

// ports are they as podman's JSON has them.
func (r psRow) ports() []any {
	list := []any{}
	for _, p := range launcher.Ports(r.c) {
		list = append(list, map[string]any{"host_ip": p.HostIP, "host_port": p.HostPort, "container_port": p.ContainerPort, "protocol": p.Protocol, "range": 1})
	}
	return list
}

// Networks are those it is connected to.
func (r psRow) Networks() string { return strings.Join(r.networks(), ",") }

func (r psRow) networks() []string { return r.in.names(r.c.ID) }

// Mounts are the destinations of what is mounted.
func (r psRow) Mounts() string { return strings.Join(r.mounts(), ",") }

func (r psRow) mounts() []string {
	list := []string{}
	for _, m := range r.c.Mounts {
		list = append(list, m.Destination)
	}
	return list
}

// JSON is the row as `podman ps --format json` has it.
func (r psRow) JSON() any {
	return map[string]any{
		"Id": r.c.ID, "ID": r.c.ID, "Image": r.Image(), "ImageID": r.ImageID(), "Command": r.c.Intent.Command(), "Names": []string{r.c.Name},
		"Created": r.Created(), "CreatedAt": r.RunningFor(), "StartedAt": r.StartedAt(), "Exited": r.Exited(), "ExitedAt": r.ExitedAt(), "ExitCode": r.ExitCode(),
		"State": r.State(), "Status": r.Status(), "Labels": orEmpty(r.Labels()), "Mounts": r.mounts(), "Networks": r.networks(), "Ports": r.ports(),
		"Pid": r.c.PID, "AutoRemove": !r.c.Keep, "IsInfra": false, "Pod": "", "PodName": "", "Restarts": r.c.Restarts.Count, "Size": r.sizes(), "Namespaces": r.Namespaces(), "CIDFile": r.CIDFile(), "ExposedPorts": nil,
	}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
