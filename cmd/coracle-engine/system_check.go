//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"coracle/cmd/internal/format"
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
}

func (c *systemCheck) Run(ctx context.Context, s *session) error {
	switch {
	case c.Force && !c.Repair:
		return errors.New("--force is for --repair\n  fix: coracle system check --repair --force")
	case c.Max < 0:
		return fmt.Errorf("--max %v: it cannot be negative", c.Max)
	}
	o := health.Options{Quick: c.Quick, MaxAge: c.Max, Lossy: c.Force}
	h := s.damaged()
	found, err := h.Check(ctx, o)
	if err != nil {
		return fmt.Errorf("cannot look at everything: %w", err)
	}
	if !c.Repair || len(found) == 0 {
		return c.report(found, "damage was found\n  fix: coracle system check --repair")
	}
	return c.repair(ctx, s, h, found, o)
}

// repairRounds bounds how often repairing goes on with what came to light by
// repairing: a record that is put aside leaves layers that nothing names.
const repairRounds = 3

func (c *systemCheck) repair(ctx context.Context, s *session, h *health.Store, found []health.Finding, o health.Options) error {
	mended := found
	for round := 1; ; round++ {
		problem := h.Repair(ctx, found, o)
		if s.opened == nil { // it may be possible to open the store now
			h = s.damaged()
		}
		left, err := h.Check(ctx, o)
		if err != nil {
			return fmt.Errorf("cannot look again at everything: %w", errors.Join(err, problem))
		}
		if len(left) == 0 {
			fmt.Fprintf(os.Stderr, "coracle: repaired: %d findings\n", len(mended))
			return c.print(mended)
		}
		if problem == nil && round < repairRounds {
			found, mended = left, append(mended, left...)
			continue
		}
		if err := c.print(left); err != nil {
			return err
		}
		text := fmt.Sprintf("not everything could be repaired, %d findings are left", len(left))
		if problem != nil {
			text += "\n  " + strings.ReplaceAll(problem.Error(), "\n", "\n  ")
		}
		return errStatus{code: exitDamaged, text: text}
	}
}

func (c *systemCheck) report(found []health.Finding, damage string) error {
	if len(found) == 0 && c.Format == "" {
		fmt.Println("no damage found")
		return nil
	}
	if err := c.print(found); err != nil || len(found) == 0 {
		return err
	}
	return errStatus{code: exitDamaged, text: damage}
}

func (c *systemCheck) print(found []health.Finding) error {
	if found == nil {
		found = []health.Finding{}
	}
	list := format.List{Format: c.Format, Default: "{{.Kind}}\t{{.Object}}\t{{.Problem}}"}
	return list.Print(os.Stdout, found)
}
