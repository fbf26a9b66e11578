package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"coracle/cmd/internal/format"
	"coracle/cmd/internal/text"
	"coracle/launcher"
	"coracle/launcher/events"
)

// EventsCmd is `coracle events`.
type EventsCmd struct {
	Since   string   `placeholder:"TIME|DURATION" help:"Show what has happened from this time on, too: 2026-01-02T15:04:05Z, or 10m for ten minutes ago."`
	Until   string   `placeholder:"TIME|DURATION" help:"Up to this time; 10m is in ten minutes, -10m ten minutes ago."`
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only what fits: container, event, id, image, label, network, type, volume."`
	Format  string   `placeholder:"TEMPLATE|json" help:"Print in another form."`
	Stream  bool     `default:"true" negatable:"" help:"Go on with what happens."`
	NoTrunc bool     `default:"true" negatable:"" help:"Whole ids."`
}

// Run prints events until there are no more, or until it is told to stop.
func (c *EventsCmd) Run(ctx context.Context) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	q := events.Query{Stream: c.Stream}
	now := time.Now()
	if q.Since, err = moment("--since", c.Since, now); err != nil {
		return launcher.ExitFailed, err
	}
	if q.Until, err = until(c.Until, now); err != nil {
		return launcher.ExitFailed, err
	}
	if q.Filter, err = events.NewFilter(c.Filter); err != nil {
		return launcher.ExitFailed, err
	}
	out := bufio.NewWriter(os.Stdout)
	p := eventPrinter{w: out, format: strings.TrimSpace(c.Format), whole: c.NoTrunc}
	if err := p.print(new(events.Event), io.Discard); err != nil { // a wrong template is told at once
		return launcher.ExitFailed, err
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	err = events.Read(ctx, all.Data, q, func(e *events.Event) error {
		if err := p.print(e, out); err != nil {
			return err
		}
		return out.Flush() // whoever reads it acts on it
	})
	return status([]error{err})
}

// until is [moment] for the end of what may be to come: a duration is from now on,
// as in podman, and -10m ten minutes ago.
func until(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	return moment("--until", s, now)
}

type eventPrinter struct {
	w      io.Writer
	format string
	whole  bool
}

func (p eventPrinter) print(e *events.Event, w io.Writer) error {
	r := newEventRow(e)
	switch p.format {
	case "":
		_, err := fmt.Fprintln(w, text.Printable(r.line(p.whole)))
		return err
	case "json":
		return format.List{Format: "{{json .}}"}.Print(w, []eventRow{r})
	}
	return format.List{Format: p.format}.Print(w, []eventRow{r})
}

// eventRow is an event as podman's and docker's templates ask for it.
type eventRow struct {
	ID, Image, Name, Status, Type, Action, Scope, HealthStatus, Error, Network, PodID string

	Time              time.Time
	TimeNano          int64
	ContainerExitCode int
	Attributes        map[string]string
	Actor             eventActor

	exited bool
}

// eventActor is docker's name for what the event happened to.
type eventActor struct {
	ID         string
	Attributes map[string]string
}

func newEventRow(e *events.Event) eventRow {
	r := eventRow{
		ID: e.ID, Image: e.Image, Name: e.Name, Status: e.Status, Type: e.Type, Action: e.Action(), Scope: "local", HealthStatus: e.Health, Error: e.Error,
		Time: e.Time.Local(), TimeNano: e.Time.UnixNano(), Attributes: orEmpty(e.Attributes), exited: e.ExitCode != nil,
	}
	r.Actor = eventActor{ID: e.ID, Attributes: make(map[string]string)}
	if e.Type == events.Volume {
		r.Actor.ID = e.Name
	}
	for k, v := range e.Attributes {
		r.Actor.Attributes[k] = v
	}
	for k, v := range map[string]string{"image": e.Image, "name": e.Name} {
		if v != "" {
			r.Actor.Attributes[k] = v
		}
	}
	if e.ExitCode != nil {
		r.ContainerExitCode = *e.ExitCode
		r.Actor.Attributes["exitCode"] = fmt.Sprint(*e.ExitCode)
	}
	return r
}

// JSON is the event with podman's names and docker's: those that differ in case
// only have the same value.
func (r eventRow) JSON() any {
	m := map[string]any{
		"Type": r.Type, "Status": r.Status, "status": r.Status, "Action": r.Action, "Actor": r.Actor, "scope": r.Scope,
		"time": r.Time.Unix(), "timeNano": r.TimeNano, "Attributes": r.Attributes,
	}
	for k, v := range map[string]string{
		"ID": r.ID, "id": r.ID, "Image": r.Image, "from": r.Image, "Name": r.Name, "health_status": r.HealthStatus, "error": r.Error,
	} {
		if v != "" {
			m[k] = v
		}
	}
	if r.exited {
		m["ContainerExitCode"] = r.ContainerExitCode
	}
	return m
}

// line is the event as podman prints it.
func (r eventRow) line(whole bool) string {
	id := r.ID
	if !whole {
		id = format.ShortID(id)
	}
	words := []string{r.Time.String(), r.Type, r.Status}
	switch r.Type {
	case events.Container:
		about := []string{"image=" + r.Image, "name=" + r.Name}
		if r.HealthStatus != "" {
			about = append(about, "health_status="+r.HealthStatus)
		}
		if r.exited {
			about = append(about, fmt.Sprintf("exit=%d", r.ContainerExitCode))
		}
		var labels []string
		for k, v := range r.Attributes {
			labels = append(labels, k+"="+v)
		}
		slices.Sort(labels)
		words = append(words, id, "("+strings.Join(append(about, labels...), ", ")+")")
	case events.Image:
		words = append(words, id, r.Name)
	default:
		words = append(words, r.Name)
	}
	return strings.TrimSpace(strings.Join(words, " "))
}
