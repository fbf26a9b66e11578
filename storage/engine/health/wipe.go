//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coracle/storage"

	cstorage "go.podman.io/storage"
	"golang.org/x/sys/unix"
)

// Plan is what a reset would do, for the question before it.
type Plan struct {
	Containers, Volumes, Images int
	// Podman is how many containers podman (or buildah) has in the same store. They
	// stay, and so do the images they stand on.
	Podman int
	// Damaged says that the store cannot be opened: then all of it goes, podman's
	// containers included.
	Damaged bool
	// Running are containers of ours that run.
	Running []string
}

// PlanWipe looks.
func (s *Store) PlanWipe() (p Plan, err error) {
	list, err := s.Containers.List()
	for _, c := range list {
		if p.Containers++; c.Running {
			p.Running = append(p.Running, label(c))
		}
	}
	volumes, e := s.volumes().List()
	p.Volumes, err = len(volumes), errors.Join(err, e)
	if s.Engine == nil {
		p.Damaged = true
		return p, err
	}
	images, e := s.Engine.Images()
	p.Images, err = len(images), errors.Join(err, e)
	podmans, e := s.Engine.Containers()
	p.Podman = len(podmans)
	return p, errors.Join(err, e)
}

// Wipe removes everything that is Coracle's, and all images that podman's
// containers do not need; all of the image store if it cannot be opened. It goes
// on after an error; what it could not remove a second Wipe finds.
func (s *Store) Wipe(ctx context.Context) error {
	_ = storage.Reserve{Data: s.Data}.Free()
	var errs []error
	if s.Engine == nil {
		errs = append(errs, s.wipeDamaged(ctx))
	} else if err := s.wipeImages(); err != nil {
		errs = append(errs, err)
	} else {
		_, err := s.graph().strays(ctx, true)
		errs = append(errs, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.Engine != nil {
		// Root's image store lies in Data, and is mounted on itself while it is open.
		_, _ = s.Engine.Shutdown(false)
	}
	errs = append(errs, storage.RemoveTree(ctx, s.Data), s.sweepHints())
	return errors.Join(errs...)
}

// wipeImages removes the images; those in use by podman stay, with their layers.
func (s *Store) wipeImages() error {
	podmans, err := s.Engine.Containers()
	if err != nil {
		return err
	}
	if len(podmans) == 0 {
		return s.Engine.Wipe()
	}
	images, err := s.Engine.Images()
	if err != nil {
		return err
	}
	var errs []error
	for _, i := range images {
		_, err := s.Engine.Store.DeleteImage(i.ID, true)
		if err != nil && !errors.Is(err, cstorage.ErrImageUsedByContainer) && !i.ReadOnly {
			errs = append(errs, fmt.Errorf("cannot remove image %.12s: %w", i.ID, err))
		}
	}
	return errors.Join(errs...)
}

// wipeDamaged removes the directories of an image store that cannot be opened, by
// the names that containers/storage gives them: whatever else lies there is not
// ours.
func (s *Store) wipeDamaged(ctx context.Context) error {
	var errs []error
	for _, root := range []string{s.Graph, s.GraphRun} {
		if root == "" || root == "/" {
			continue
		}
		// Half an opening of the store has mounted it on itself, for this process.
		_ = unix.Unmount(filepath.Join(root, "overlay"), unix.MNT_DETACH)
		for _, name := range []string{"overlay", "overlay-containers", "overlay-images", "overlay-layers", "storage.lock", "userns.lock"} {
			path := filepath.Join(root, name)
			if _, err := os.Lstat(path); err == nil {
				errs = append(errs, storage.RemoveTree(ctx, path))
			}
		}
	}
	return errors.Join(errs...)
}
