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
	"coracle/launcher/intent"
	"coracle/launcher/plan"
	"coracle/storage"
	"coracle/storage/engine/containerfs"
	"coracle/userns"
)

// wayFact tells how a kept container's root was made (see package launcher).
const wayFact = "rootway"

// owners are the maps of a kept container, as it was started.
func owners(c *containers.Container) containerfs.Owners {
	return containerfs.Owners{UIDs: c.Intent.UIDs, GIDs: c.Intent.GIDs}
}

// stopped mounts the root file system of a container that does not run.
func (o *Opener) stopped(ctx context.Context, c *containers.Container, want Want) (*Root, error) {
	if c.Err != nil {
		return nil, c.Err
	}
	r := &Root{Container: c, Root: containerfs.Root{FD: -1, Owners: owners(c)}}
	held, err := c.Hold(want == Write)
	if err != nil {
		return nil, err
	}
	r.onClose(func() { held.Close() })
	s, err := newSpace()
	if err != nil {
		r.Close()
		return nil, err
	}
	at := c.Root()
	r.onClose(func() { s.close(at) })
	if err := o.mountAll(ctx, s, r, want); err != nil {
		r.Close()
		return nil, err
	}
	r.onClose(func() { unix.Close(r.FD) })
	return r, nil
}

func (o *Opener) mountAll(ctx context.Context, s *space, r *Root, want Want) error {
	p, lock, err := o.Stack(ctx, r.Container, want == Write)
	if err != nil {
		return err
	}
	if lock != nil {
		r.onClose(func() { lock.Close() })
	}
	if len(p.Lower) > 0 {
		if err := s.mount(p); err != nil {
			return err
		}
	} else if err := s.do(func() error { return unix.Mount(p.Dir, p.Mount, "", unix.MS_BIND, "") }); err != nil {
		return fmt.Errorf("cannot mount %s: %w", p.Dir, err)
	}
	if err := s.do(func() (err error) {
		r.FD, err = unix.Open(p.Mount, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	}); err != nil {
		return fmt.Errorf("cannot open the mounted root: %w", err)
	}
	if want == Bare {
		return nil
	}
	return o.volumes(s, r)
}

// Stack describes how the root file system of a stopped container is mounted: for
// reading with all of it below, so that nothing can be written by mistake. lock
// keeps what it lies on.
func (o *Opener) Stack(ctx context.Context, c *containers.Container, write bool) (r plan.Root, lock *os.File, err error) {
	r = plan.Root{Mount: c.Root()}
	way, _ := c.ReadFact(wayFact)
	switch storage.RootWay(strings.TrimSpace(string(way))) {
	case storage.RootCopy:
		r.Dir = c.Upper()
		return r, nil, nil
	case storage.RootFuse:
		if r.Fuse, err = findFuse(); err != nil {
			return r, nil, err
		}
	}
	if c.Intent.Rootfs != "" {
		_, overlaid, err := intent.Rootfs(c.Intent.Image)
		if err != nil || !overlaid {
			r.Dir = c.Intent.Rootfs
			return r, nil, err
		}
		r.Dir, r.Lower = "/", []string{c.Intent.Rootfs}
	} else if lock, err = o.Lower(ctx, c, &r); err != nil {
		return r, nil, err
	}
	if write {
		r.Upper, r.Work = c.Upper(), c.Work()
	} else {
		r.Lower = append([]string{c.Upper()}, r.Lower...)
	}
	return r, lock, nil
}

// findFuse is the path of fuse-overlayfs.
func findFuse() (string, error) {
	for _, path := range []string{"/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs"} {
		if unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", errors.New("fuse-overlayfs is not installed, and the container's files are served by it\n  fix: sudo apt install fuse-overlayfs   (or dnf, pacman, zypper, apk)")
}

// Lower fills in the layers of a container's image as the container sees them:
// trees with other owners if its map moves ids.
func (o *Opener) Lower(ctx context.Context, c *containers.Container, r *plan.Root) (lock *os.File, err error) {
	if c.Intent.ImageID == "" {
		return nil, fmt.Errorf("container %s: its image is not recorded", c.ID[:12])
	}
	dir, layers, err := o.Layers(ctx, c.Intent.ImageID)
	if err != nil {
		return nil, err
	}
	maps := userns.Maps{UIDs: c.Intent.UIDs, GIDs: c.Intent.GIDs}
	if maps.Identity() {
		r.Dir = dir
		for _, l := range layers {
			r.Lower = append(r.Lower, l.Link)
		}
		return nil, nil
	}
	var diffs []string
	for _, l := range layers {
		diffs = append(diffs, l.Diff)
	}
	data := o.Set.Data
	known, _ := storage.HostFact(data, storage.FactRedirect, storage.HostKey)
	s := &storage.Shifter{
		Data: data, UID: maps.ShiftUID, GID: maps.ShiftGID, Redirect: known == "yes" && r.Fuse == "",
		Key: maps.UIDs.String() + "/" + maps.GIDs.String(), Note: o.Note,
	}
	shifted, ok := s.Present(diffs)
	if !ok {
		if shifted, err = s.Shift(ctx, diffs); err != nil {
			return nil, err
		}
	}
	r.Data = shifted.Data
	for _, l := range shifted.Layers {
		r.Dir = filepath.Dir(l)
		r.Lower = append(r.Lower, filepath.Base(l))
	}
	return shifted.Lock, nil
}
