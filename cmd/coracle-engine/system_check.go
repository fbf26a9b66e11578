//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"coracle/cmd/internal/format"
	"coracle/cmd/internal/text"
	"coracle/storage/engine/health"
)

// exitDamaged is the status of `coracle system check` while damage remains.
const exitDamaged = 1

// systemCheck is `coracle system check`.
type systemCheck struct {
	Quick  bool          `short:"q" help:"Do not compute checksums of layers."`
	Repair bool          `short:"r" help:"Repair what can be: remove damaged images and layers, and leftovers."`
	Force  bool          `short:"f" help:"With --repair, remove damaged containers and volumes, too."`
	Max    time.Duration `short:"m" default:"24h" help:"How long a layer may lie there without an image, which podman may be pulling." placeholder:"DURATION"`
	Format string        `help:"How to print findings: json or a Go template."`

	told map[string]bool
}

func (c *systemCheck) Run(ctx context.Context, s *session) error {
	switch {
	case c.Force && !c.Repair:
		return errors.New("--force is for --repair\n  fix: coracle system check --repair --force")
	case c.Max < 0:
		return fmt.Errorf("--max %v: it cannot be negative", c.Max)
	}
	c.told = map[string]bool{}
	o := health.Options{Quick: c.Quick, MaxAge: c.Max, Lossy: c.Force}
	h := s.damaged()
	found, err := c.look(ctx, h, o)
	if err != nil {
		return fmt.Errorf("cannot look at everything: %w", err)
	}
	if !c.Repair || len(found) == 0 {
		return c.report(found)
	}
	return c.repair(ctx, s, h, found, o)
}

// look checks, and says what is no damage but does not belong where it is.
func (c *systemCheck) look(ctx context.Context, h *health.Store, o health.Options) ([]health.Finding, error) {
	found, err := h.Check(ctx, o)
	return slices.DeleteFunc(found, func(f health.Finding) bool {
		if f.Foreign && !c.told[f.Object] {
			fmt.Fprintf(os.Stderr, "coracle: %s: %s; %s\n", text.Printable(f.Object), f.Problem, f.Remedy(false))
			c.told[f.Object] = true
		}
		return f.Foreign
	}), err
}

// repairRounds bounds how often repairing goes on with what came to light by
// repairing: a record that is put aside leaves layers that nothing names.
const repairRounds = 3

func (c *systemCheck) repair(ctx context.Context, s *session, h *health.Store, found []health.Finding, o health.Options) error {
	var mended []health.Finding
	o.Done = func(f health.Finding, err error) {
		if err == nil {
			mended = append(mended, f)
		}
	}
	for round := 1; ; round++ {
		problem := h.Repair(ctx, found, o)
		if s.opened == nil { // it may be possible to open the store now
			h = s.damaged()
		}
		left, err := c.look(ctx, h, o)
		if err != nil {
			return fmt.Errorf("cannot look again at everything: %w", errors.Join(err, problem))
		}
		if len(left) > 0 && problem == nil && round < repairRounds {
			found = left
			continue
		}
		// What is still there was not mended, whatever it looked like.
		mended = slices.DeleteFunc(mended, func(f health.Finding) bool {
			return slices.ContainsFunc(left, func(l health.Finding) bool { return l.Kind == f.Kind && l.Object == f.Object })
		})
		return c.repaired(mended, left, problem)
	}
}

// repaired says what became of each finding.
func (c *systemCheck) repaired(mended, left []health.Finding, problem error) error {
	if c.Format != "" {
		if len(left) == 0 {
			left = mended
		}
		if err := c.print(left); err != nil {
			return err
		}
	} else {
		list(mended, true)
		list(left, false)
	}
	if problem == nil && len(left) == 0 {
		fmt.Fprintf(os.Stderr, "coracle: repaired: %s\n", count(len(mended)))
		return nil
	}
	say := fmt.Sprintf("not everything could be repaired, %s left", count(len(left)))
	if lossy := slices.ContainsFunc(left, func(f health.Finding) bool { return f.Loses }); lossy && !c.Force {
		return errStatus{code: exitDamaged, text: say + "\n  fix: coracle system check --repair --force   (removes what holds data, too)"}
	}
	if problem != nil {
		say += "\n  " + strings.ReplaceAll(problem.Error(), "\n", "\n  ")
	}
	return errStatus{code: exitDamaged, text: say}
}

func count(n int) string {
	if n == 1 {
		return "1 finding"
	}
	return fmt.Sprintf("%d findings", n)
}

// list prints findings for people, a line each: what, which, why, and what to do
// or what was done.
func list(found []health.Finding, done bool) {
	for _, f := range found {
		line := fmt.Sprintf("%s %s: %s; %s", f.Kind, short(f.Object), f.Problem, f.Remedy(done))
		fmt.Println(text.Printable(strings.ReplaceAll(line, "\n", " ")))
	}
}

// short leaves of ids, alone or in a path, what tells them apart.
func short(object string) string {
	parts := strings.Split(object, "/")
	for i, p := range parts {
		if len(p) > idLength && strings.Trim(p[:idLength], "0123456789abcdef") == "" {
			parts[i] = p[:12] + "…"
		} else if len(p) == idLength && strings.Trim(p, "0123456789abcdef") == "" {
			parts[i] = p[:12]
		}
	}
	return strings.Join(parts, "/")
}

const idLength = 64

func (c *systemCheck) report(found []health.Finding) error {
	switch {
	case c.Format != "":
		if err := c.print(found); err != nil || len(found) == 0 {
			return err
		}
	case len(found) == 0:
		fmt.Println("no damage found")
		return nil
	default:
		list(found, false)
	}
	return errStatus{code: exitDamaged, text: "damage was found: " + count(len(found)) + "\n  fix: coracle system check --repair"}
}

func (c *systemCheck) print(found []health.Finding) error {
	if found == nil {
		found = []health.Finding{}
	}
	list := format.List{Format: c.Format}
	return list.Print(os.Stdout, found)
}
