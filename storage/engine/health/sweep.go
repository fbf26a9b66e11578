//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"coracle/storage/record"

	cstorage "go.podman.io/storage"
)

func (g graph) layerDir(id string) string {
	dir := filepath.Join(g.root, g.driver, id)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) && g.imageStore != "" {
		return filepath.Join(g.imageStore, g.driver, id)
	}
	return dir
}

// sweepNeverStarted removes kept containers that a launch left which was killed
// before it had written down what was asked.
func (s *Store) sweepNeverStarted(ctx context.Context) error {
	list, err := s.Containers.List()
	for _, c := range list {
		if c.Keep && !c.Running && c.NeverStarted {
			err = errors.Join(err, s.removeContainer(ctx, c))
		}
	}
	return err
}

// sweepHalfImages removes images that were being made when their maker was killed:
// without a name, and without a manifest. Whoever makes one holds the store's
// lock until the manifest is there.
func (s *Store) sweepHalfImages() error {
	if s.Engine == nil {
		return nil
	}
	all, err := s.Engine.Images()
	for _, i := range all {
		if len(i.Names) > 0 || i.ReadOnly || hasManifest(&i) {
			continue
		}
		if _, e := s.Engine.DeleteImage(i.ID, true); e != nil && !errors.Is(e, cstorage.ErrImageUnknown) {
			err = errors.Join(err, fmt.Errorf("cannot remove the half-made image %.12s: %w", i.ID, e))
		}
	}
	return err
}

func hasManifest(i *cstorage.Image) bool {
	return slices.ContainsFunc(i.BigDataNames, func(name string) bool { return strings.HasPrefix(name, "manifest") })
}

// sweepRecords removes image records that do not count any more. The next launch
// makes those anew that it needs.
func (s *Store) sweepRecords() error {
	dir := filepath.Join(s.Data, "records")
	names, err := list(dir)
	for _, name := range names {
		path := filepath.Join(dir, name)
		if r, e := record.Load(path); !strings.HasPrefix(name, ".") && e == nil && r.Stale() == "" {
			continue
		}
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// sweepHints removes hints at supervisors that are gone (docs/formats.md, base/).
func (s *Store) sweepHints() error {
	dir := filepath.Join(s.Run, "base")
	names, err := list(dir)
	for _, name := range names {
		pid, start, ok := strings.Cut(name, "-")
		n, e := strconv.Atoi(pid)
		if ok && e == nil && s.Containers.Lives(n, start) {
			continue
		}
		if e := os.Remove(filepath.Join(dir, name)); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, s.sweepSockets())
}

// sweepSockets removes the control sockets of containers that nobody runs: a
// supervisor has the container's lock before it makes one.
func (s *Store) sweepSockets() error {
	dir := filepath.Join(s.Run, "control")
	names, err := list(dir)
	if len(names) == 0 {
		return err
	}
	running := map[string]bool{}
	all, e := s.Containers.List()
	if err = errors.Join(err, e); err != nil {
		return err
	}
	for _, c := range all {
		running[c.ID] = c.Running
	}
	for _, name := range names {
		if running[strings.TrimSuffix(name, ".new")] {
			continue
		}
		if e := os.Remove(filepath.Join(dir, name)); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
