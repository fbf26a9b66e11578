//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coracle/storage/engine/health"
)

// systemReset is `coracle system reset`. With --force the program that started
// this one has removed the containers already: here nothing can be signalled.
type systemReset struct {
	Force bool `short:"f" help:"Do not ask; kill running containers first."`
}

func (c *systemReset) Run(ctx context.Context, s *session) error {
	h := s.damaged()
	plan, err := h.PlanWipe()
	if err != nil && !c.Force {
		return fmt.Errorf("cannot tell what would be removed: %w\n  fix: coracle system reset --force", err)
	}
	if len(plan.Running) > 0 {
		return fmt.Errorf("containers are running: %s\n  fix: coracle rm -f %s, or coracle system reset --force",
			strings.Join(plan.Running, ", "), strings.Join(plan.Running, " "))
	}
	if !c.Force {
		yes, err := confirm(ctx, resetWarning(plan, h, s.networks()))
		if err != nil || !yes {
			return err
		}
	}
	if err := h.Wipe(ctx); err != nil {
		return errors.Join(errors.New("not everything could be removed\n  fix: run the command again"), err)
	}
	return nil
}

// resetWarning says what goes, what stays, and what others will miss.
func resetWarning(p health.Plan, h *health.Store, networks int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "WARNING! This removes:\n"+
		"        - all of coracle's containers (%d)\n        - all of its volumes (%d)\n        - all of its networks (%d)\n", p.Containers, p.Volumes, networks)
	if p.Damaged {
		fmt.Fprintf(&b, "        - all of the image store %s, which cannot be opened: podman's and buildah's images and containers, too\n", h.Graph)
	} else {
		fmt.Fprintf(&b, "        - all images (%d) in %s, which podman, buildah and skopeo share\n", p.Images, h.Engine.GraphRoot())
		if p.Podman > 0 {
			fmt.Fprintf(&b, "It leaves %d containers of podman or buildah, and the images they need.\n", p.Podman)
		}
	}
	return b.String()
}
