package launcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"coracle/storage"
)

// writeCidfile writes the container's id for --cidfile, which must not exist: a
// script that finds an old id would act on the wrong container.
func (l *launch) writeCidfile(id string) error {
	if l.options.Cidfile == "" {
		return nil
	}
	f, err := os.OpenFile(l.options.Cidfile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("--cidfile %s exists already\n  fix: remove it, or name another file", l.options.Cidfile)
	}
	if err != nil {
		return fmt.Errorf("cannot write --cidfile: %w", err)
	}
	_, err = f.WriteString(id)
	return errors.Join(err, f.Close())
}

// writePid writes the container's pid, in the caller's pid namespace, for --pidfile.
func (l *launch) writePid(pid int) error {
	if l.options.Pidfile == "" {
		return nil
	}
	return os.WriteFile(l.options.Pidfile, []byte(strconv.Itoa(pid)), 0o644)
}

// discard removes the directory of a container that never came to be.
func (l *launch) discard(d *storage.Dir) {
	c := storage.Containers{Data: l.paths.Data}
	if c.Trash(d) == nil {
		releaseVolumes(c, d)
		_ = c.Empty(context.Background(), d)
	}
	if len(l.anonymous) > 0 {
		_ = l.sweep(context.Background())
	}
	l.forgetCidfile(d.ID)
}

// forgetCidfile removes the --cidfile of a container that never came to be.
func (l *launch) forgetCidfile(id string) {
	if l.options.Cidfile == "" {
		return
	}
	if b, err := os.ReadFile(l.options.Cidfile); err == nil && string(b) == id {
		_ = os.Remove(l.options.Cidfile)
	}
}

// replace removes a container of the same name for --replace, as podman does: a
// running one is killed.
func (l *launch) replace(c storage.Containers) error {
	err := removeOne(c, l.options.Name, Removal{Force: true})
	if errors.Is(err, storage.ErrNoContainer) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--replace: %w", err)
	}
	return nil
}
