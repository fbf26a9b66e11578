//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"

	"coracle/cmd/internal/format"
	"coracle/storage/engine/images"
)

// imagePrune is `coracle image prune`.
type imagePrune struct {
	All    bool     `short:"a" help:"Remove all images that no container uses, not only those without a name."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only such images: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE], and those of coracle images."`
	Force  bool     `short:"f" help:"Do not ask."`

	External   bool `hidden:"" help:"podman's: images that only containers of other tools use. They count as used here, too."`
	BuildCache bool `name:"build-cache" hidden:"" help:"podman's; builds keep no cache of their own here."`
}

func (c *imagePrune) Run(ctx context.Context, s *session) error {
	if c.External {
		return errors.New("--external removes containers of podman and buildah, which are theirs to remove\n  fix: podman container prune, buildah rm --all; then coracle image prune")
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	catalog, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	facts, err := filterFacts(ctx, s, catalog, c.Filter)
	if err != nil {
		return err
	}
	filter, err := images.NewFilter(c.Filter, facts)
	if err != nil {
		return err
	}
	if !c.Force {
		warning := "WARNING! This command removes all images without a name that no container uses."
		if c.All {
			warning = "WARNING! This command removes all images that no container uses, those of podman, buildah and skopeo, too."
		}
		if yes, err := confirm(ctx, warning); err != nil || !yes {
			return err
		}
	}
	r := &images.Removal{Free: s.freeImage(false), List: s.catalog}
	gone, freed, err := r.Prune(ctx, store, images.Pruning{All: c.All, Want: filter.Match})
	for _, done := range gone {
		s.removedEvents(done)
		for _, id := range done.Deleted {
			fmt.Println(id)
		}
	}
	if len(gone) > 0 {
		err = errors.Join(err, s.pruneShifted(ctx))
	}
	fmt.Println("Total reclaimed space: " + format.Size(freed))
	return err
}
