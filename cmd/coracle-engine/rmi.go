//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"coracle/cmd/internal/text"
	"coracle/launcher/containers"
	"coracle/launcher/events"
	"coracle/storage"
	"coracle/storage/engine"
	"coracle/storage/engine/images"
	"coracle/storage/record"
)

// rmi is `coracle rmi`.
type rmi struct {
	Images  []string `arg:"" optional:"" name:"image" help:"Names or ids."`
	All     bool     `short:"a" help:"Remove all images."`
	Force   bool     `short:"f" help:"Remove stopped containers that stand on the images, and images with several names by id. With unknown images that is no error."`
	Ignore  bool     `short:"i" help:"Unknown images are no error."`
	NoPrune bool     `help:"Keep the nameless images that these were built on."`
}

// podman's exit statuses of rmi: an unknown image, one that is in use.
const (
	exitNoImage = 1
	exitInUse   = 2
)

func (c *rmi) Run(ctx context.Context, s *session) error {
	switch {
	case len(c.Images) == 0 && !c.All:
		return errors.New("no image named\n  fix: coracle rmi IMAGE…, or --all")
	case len(c.Images) > 0 && c.All:
		return errors.New("--all and names contradict each other")
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	found, errs := c.find(ctx, store)
	r := &images.Removal{Force: c.Force, NoPrune: c.NoPrune, Free: s.freeImage(c.Force), List: s.catalog}
	deleted := false
	for _, f := range found {
		done, err := c.remove(ctx, store, r, f)
		printRemoved(done)
		s.removedEvents(done)
		deleted = deleted || len(done.Deleted) > 0
		if err != nil {
			errs = append(errs, err)
		}
	}
	if deleted {
		errs = append(errs, s.pruneShifted(ctx))
	}
	return c.status(errors.Join(errs...))
}

// remove looks again: another removal may have taken the image, or a name.
func (c *rmi) remove(ctx context.Context, store *engine.Store, r *images.Removal, f asked) (images.Removed, error) {
	found, err := images.Lookup(ctx, store, f.ask)
	switch {
	case err != nil && f.all && errors.Is(err, record.ErrNotFound):
		return images.Removed{}, nil
	case err != nil:
		return images.Removed{}, err
	case f.all:
		return r.Delete(ctx, store, found.Image)
	}
	return r.Remove(ctx, store, found)
}

// asked is an image to remove, and the word that leads to it.
type asked struct {
	ask string
	all bool // with --all: whatever it is called
}

// find looks all images up before any is removed: with a name that is wrong
// the others are removed all the same, as podman does.
func (c *rmi) find(ctx context.Context, store *engine.Store) (found []asked, errs []error) {
	if c.All {
		all, err := store.Images()
		for _, img := range all {
			if !img.ReadOnly {
				found = append(found, asked{img.ID, true})
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
		return found, errs
	}
	for _, name := range c.Images {
		_, err := images.Lookup(ctx, store, name)
		switch {
		case err == nil:
			found = append(found, asked{ask: name})
		case errors.Is(err, record.ErrNotFound) && (c.Ignore || c.Force):
		default:
			errs = append(errs, err)
		}
	}
	return found, errs
}

func printRemoved(done images.Removed) {
	for _, name := range done.Untagged {
		fmt.Println("Untagged: " + text.Printable(name))
	}
	for _, id := range done.Deleted {
		fmt.Println("Deleted: " + id)
	}
}

// status gives an error podman's exit status.
func (c *rmi) status(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, images.ErrInUse):
		return errStatus{exitInUse, err.Error()}
	case errors.Is(err, record.ErrNotFound):
		return errStatus{exitNoImage, err.Error()}
	}
	return err
}

// freeImage tells whether containers of ours stand on an image, and with force
// removes those that are not running.
func (s *session) freeImage(force bool) func(context.Context, *engine.Image) error {
	return func(ctx context.Context, img *engine.Image) error {
		all, err := s.containers().List()
		if err != nil {
			return err
		}
		var stopped []*containers.Container
		var running, names []string
		for _, c := range all {
			if !slices.Contains(c.Images(), img.ID) {
				continue
			}
			names = append(names, containerLabel(c))
			if c.Running {
				running = append(running, containerLabel(c))
			} else {
				stopped = append(stopped, c)
			}
		}
		switch {
		case len(running) > 0:
			return fmt.Errorf("%w: %.12s: running: %s\n  fix: coracle rm -f %[4]s", images.ErrInUse, img.ID, strings.Join(running, ", "), strings.Join(names, " "))
		case len(names) > 0 && !force:
			return fmt.Errorf("%w: %.12s: by container %s\n  fix: coracle rm %s, or coracle rmi -f %.12[2]s", images.ErrInUse, img.ID, strings.Join(names, ", "), strings.Join(names, " "))
		}
		for _, c := range stopped {
			if err := s.removeContainer(ctx, c); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *session) removeContainer(ctx context.Context, c *containers.Container) error {
	set := s.containers()
	switch err := set.Trash(c.Dir); {
	case errors.Is(err, storage.ErrNoContainer): // it went by itself
		return nil
	case err != nil:
		return fmt.Errorf("%w: cannot remove container %s: %w", images.ErrInUse, containerLabel(c), err)
	}
	s.containerEvent(c, events.Remove, nil)
	if err := set.Empty(ctx, c.Dir); err != nil {
		// It is in the trash: gone for all who look, and emptied by the next sweep.
		fmt.Fprintf(os.Stderr, "coracle: container %s: %v\n", containerLabel(c), err)
	}
	return nil
}

func containerLabel(c *containers.Container) string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID[:12]
}

// pruneShifted removes the copies that were made of layers for other id maps, of
// layers that are gone.
func (s *session) pruneShifted(ctx context.Context) error {
	store, err := s.store()
	if err != nil {
		return err
	}
	exists, err := images.LayerExists(store)
	if err != nil {
		return err
	}
	return storage.PruneShifted(ctx, s.Data, exists)
}
