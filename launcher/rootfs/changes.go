package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/containers"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/storage/engine/containerfs"
	"coracle/storage/record"
	"coracle/userns"
)

// ErrNoLayers says that a container was not made from an image, so that there is
// nothing to compare it with.
var ErrNoLayers = errors.New("the container was started with --rootfs and has no image")

// Changes is a container's upper directory and what it lies on.
type Changes struct {
	containerfs.Changes
	Container *containers.Container
	release   []func()
}

// Close lets go of it.
func (c *Changes) Close() {
	for i := len(c.release) - 1; i >= 0; i-- {
		c.release[i]()
	}
}

// Changes opens what a container changed, whether it runs or not. Errors:
// storage.ErrNoContainer, [ErrNoLayers].
func (o *Opener) Changes(ctx context.Context, name string) (*Changes, error) {
	found, err := o.Set.Find(name)
	if err != nil {
		return nil, err
	}
	c := &Changes{Container: found}
	c.Upper, c.Lower = -1, -1
	if err := o.changes(ctx, c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (o *Opener) changes(ctx context.Context, c *Changes) error {
	found := c.Container
	if found.Err != nil {
		return found.Err
	}
	if found.Intent.ImageID == "" {
		if found.Running && found.PID == 0 {
			return fmt.Errorf("%w: %s", storage.ErrRunning, found.ID[:12])
		}
		return ErrNoLayers
	}
	if !found.Running {
		held, err := found.Hold(false)
		if err != nil {
			return err
		}
		c.release = append(c.release, func() { held.Close() })
	}
	if err := o.whose(c); err != nil {
		return err
	}
	dir, layers, err := o.Layers(ctx, found.Intent.ImageID)
	if err != nil {
		return err
	}
	lower, done, err := o.Stacked(dir, layers)
	if err != nil {
		return err
	}
	c.Lower, c.release = lower, append(c.release, done)
	if c.Upper, err = unix.Open(found.Upper(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("cannot open the changes of container %s: %w", found.ID[:12], err)
	}
	c.release = append(c.release, func() { unix.Close(c.Upper) })
	way, _ := found.ReadFact(wayFact)
	c.Copied = strings.TrimSpace(string(way)) == string(storage.RootCopy)
	c.Hidden = Hidden(found)
	return nil
}

// whose finds the container's id maps: as they were recorded, or as its process has
// them.
func (o *Opener) whose(c *Changes) (err error) {
	c.Owners = owners(c.Container)
	if c.Container.Intent.Version == 0 && c.Container.PID > 0 {
		c.Owners, err = ownersOf(c.Container.PID)
	}
	// On disk, an image's ids are base ids.
	if (userns.Maps{UIDs: c.Owners.UIDs, GIDs: c.Owners.GIDs}).Identity() {
		c.Owners = containerfs.Owners{}
	}
	return err
}

// Hidden are the places that a launch makes to mount something on, and those that
// podman leaves out (libpod, initInodes): absolute paths in the container.
func Hidden(c *containers.Container) map[string]bool {
	all := map[string]bool{}
	for _, path := range []string{
		"/dev", "/proc", "/sys", "/run", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/localtime", "/etc/mtab", "/run/.containerenv", "/run/secrets",
	} {
		all[path] = true
	}
	if spec, err := c.Spec(); err == nil {
		for _, m := range spec.Mounts {
			all[m.Destination] = true
		}
	}
	return all
}

// Stacked opens layers as overlay shows them, -1 for none.
func (o *Opener) Stacked(dir string, layers []record.Layer) (fd int, done func(), err error) {
	switch len(layers) {
	case 0:
		return -1, func() {}, nil
	case 1: // overlay takes no less than two
		f, err := os.OpenFile(layers[0].Diff, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return -1, nil, err
		}
		return int(f.Fd()), func() { f.Close() }, nil
	}
	s, err := newSpace()
	if err != nil {
		return -1, nil, err
	}
	// Where every container is mounted: nobody else sees this mount either.
	r := plan.Root{Mount: (&storage.Dir{Path: filepath.Join(o.Set.Data, "scratch", "none")}).Root(), Dir: dir}
	for _, l := range layers {
		r.Lower = append(r.Lower, l.Link)
	}
	end := func() { s.close(r.Mount) }
	_ = unix.Mkdir(r.Mount, 0o755) // there unless no container ever was
	if err := s.mount(r); err != nil {
		end()
		return -1, nil, err
	}
	if err := s.do(func() (err error) {
		fd, err = unix.Open(r.Mount, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	}); err != nil {
		end()
		return -1, nil, err
	}
	return fd, func() { unix.Close(fd); end() }, nil
}
