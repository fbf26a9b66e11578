//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/storage/engine/health"
	"coracle/storage/engine/images"
	"coracle/storage/record"
	"coracle/storage/volume"
)

// systemPrune is `coracle system prune`.
type systemPrune struct {
	All      bool     `short:"a" help:"Remove all images that no container needs, not only those without a name."`
	Force    bool     `short:"f" help:"Do not ask."`
	Volumes  bool     `help:"Remove volumes that no container uses, too."`
	Build    bool     `hidden:"" help:"podman's: what builds left; leftovers go anyway."`
	External bool     `hidden:"" help:"podman's: see image prune."`
	Filter   []string `sep:"none" help:"Only what fits: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]." placeholder:"KEY=VALUE"`
}

func (c *systemPrune) Run(ctx context.Context, s *session) error {
	if c.External {
		return errors.New("--external removes containers of podman and buildah, which are theirs to remove\n  fix: podman container prune, buildah rm --all; then coracle system prune")
	}
	filter, err := parsePruneFilter(c.Filter, time.Now())
	if err != nil {
		return err
	}
	if c.Volumes && !filter.until.IsZero() {
		return errors.New("--filter until= is not for volumes, and --volumes was asked for\n  fix: leave one of them out")
	}
	if !c.Force {
		yes, err := confirm(ctx, c.warning())
		if err != nil || !yes {
			return err
		}
	}
	h, err := s.health()
	if err != nil {
		return err
	}
	return c.prune(ctx, s, h, filter)
}

func (c *systemPrune) warning() string {
	images := "all images without a name that no container needs"
	if c.All {
		images = "all images that no container needs, with podman, buildah and skopeo sharing them"
	}
	text := "WARNING! This removes:\n        - all stopped containers\n        - all networks that no container uses\n        - " + images + "\n        - what interrupted commands left\n"
	if c.Volumes {
		text += "        - all volumes that no container uses\n"
	}
	return text
}

// settleWait bounds how long a supervisor may take that is about to let go of what its
// container had.
const settleWait = 10 * time.Second

// settle waits for the supervisors of containers that have just ended: what those had
// would stay.
func (s *session) settle() error {
	list, err := s.containers().Containers.List()
	for _, d := range list {
		err = errors.Join(err, containers.Settle(d, settleWait))
	}
	return err
}

// prune goes on after an error: what can be freed is freed.
func (c *systemPrune) prune(ctx context.Context, s *session, h *health.Store, filter pruneFilter) error {
	var total int64
	errs := []error{s.settle()}
	say := func(what string, gone []health.Pruned, err error) {
		if errs = append(errs, err); len(gone) > 0 {
			fmt.Printf("Deleted %s\n", what)
		}
		for _, g := range gone {
			fmt.Println(g.ID)
			total += g.Size
		}
	}
	gone, err := h.PruneContainers(ctx, func(k *health.Facts) bool { return filter.fits(k.Created, k.Labels) })
	say("Containers", gone, err)
	for _, g := range gone {
		s.event(events.Container, events.Remove, g.ID, "")
	}
	say("Networks", s.pruneNetworks(filter, func(err error) { errs = append(errs, err) }), nil)
	if c.Volumes {
		gone, err := h.PruneVolumes(ctx, func(v *volume.Volume) bool { return filter.fits(v.Created, v.Labels) })
		say("Volumes", gone, err)
		for _, g := range gone {
			s.event(events.Volume, events.Remove, "", g.ID)
		}
	}
	removal := &images.Removal{Free: s.freeImage(false), List: s.catalog}
	removed, freed, err := removal.Prune(ctx, h.Engine, images.Pruning{
		All: c.All, Want: func(e *record.Entry) bool { return filter.fits(e.Created, e.Labels) },
	})
	gone, total = nil, total+freed
	for _, r := range removed {
		s.removedEvents(r)
		for _, id := range r.Deleted {
			gone = append(gone, health.Pruned{ID: id})
		}
	}
	say("Images", gone, err)
	size, err := h.SweepMeasured(ctx)
	total += size
	errs = append(errs, err)
	fmt.Printf("Total reclaimed space: %s\n", format.Size(total))
	s.event(events.System, events.Prune, "", "")
	return errors.Join(errs...)
}

// pruneFilter is what --filter says.
type pruneFilter struct {
	until         time.Time // zero: whenever
	with, without []pruneLabel
}

type pruneLabel struct {
	key, value string
	any        bool // whatever the value
}

func parsePruneFilter(words []string, now time.Time) (f pruneFilter, err error) {
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok || value == "" {
			return f, fmt.Errorf("--filter %q is not KEY=VALUE\n  fix: --filter until=24h, --filter label=key=value", w)
		}
		switch key {
		case "until":
			if f.until, err = parseUntil(value, now); err != nil {
				return f, err
			}
		case "label", "label!":
			name, want, ok := strings.Cut(value, "=")
			if l := (pruneLabel{name, want, !ok}); key == "label" {
				f.with = append(f.with, l)
			} else {
				f.without = append(f.without, l)
			}
		default:
			return f, fmt.Errorf("--filter %s: unknown; until, label and label! are possible", key)
		}
	}
	return f, nil
}

// parseUntil reads a time in docker's forms: a length of time before now, Unix
// seconds, or a date.
func parseUntil(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	var seconds int64
	var rest string
	if n, _ := fmt.Sscanf(s, "%d%s", &seconds, &rest); n == 1 && seconds > 99999 {
		return time.Unix(seconds, 0), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--filter until=%.50s is no time\n  fix: until=24h, until=2026-01-31, until=2026-01-31T15:04:05Z", s)
}

// fits tells whether something may be removed.
func (f pruneFilter) fits(created time.Time, labels map[string]string) bool {
	if !f.until.IsZero() && !created.Before(f.until) {
		return false
	}
	has := func(l pruneLabel) bool {
		value, ok := labels[l.key]
		return ok && (l.any || value == l.value)
	}
	for _, l := range f.with {
		if !has(l) {
			return false
		}
	}
	for _, l := range f.without {
		if has(l) {
			return false
		}
	}
	return true
}
