package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coracle/userns"
)

// searchPath is PATH of everything that is measured.
const searchPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

// world is where the measured programs live: a home directory and a directory
// for run-time files, both empty at first.
type world struct {
	Home, Run string
	temporary []string // to be removed
}

// temporaryWorld makes a world for an ordinary user, on the file system where
// caches are: /tmp may be memory.
func temporaryWorld() (*world, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		err = os.MkdirAll(cache, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot find a place to measure in: %w", err)
	}
	w := new(world)
	if w.Home, err = os.MkdirTemp(cache, "coracle-bench-"); err != nil {
		return nil, err
	}
	w.temporary = []string{w.Home}
	w.Run = filepath.Join(w.Home, "run")
	if run := os.Getenv("XDG_RUNTIME_DIR"); run != "" {
		if dir, err := os.MkdirTemp(run, "coracle-bench-"); err == nil {
			w.Run = dir
			w.temporary = append(w.temporary, dir)
		}
	}
	return w, nil
}

// sub is a world inside w.
func (w *world) sub(name string) *world {
	return &world{Home: filepath.Join(w.Home, name), Run: filepath.Join(w.Run, name)}
}

// path is a path in the home directory.
func (w *world) path(name ...string) string {
	return filepath.Join(append([]string{w.Home}, name...)...)
}

// data is what coracle and podman call the user's data directory.
func (w *world) data(name ...string) string {
	return w.path(append([]string{".local", "share"}, name...)...)
}

// env is the whole environment of the measured programs.
func (w *world) env() []string {
	return []string{"HOME=" + w.Home, "XDG_RUNTIME_DIR=" + w.Run, "PATH=" + searchPath, "LC_ALL=C", "TERM=dumb"}
}

// prepare writes the configuration that programs need which know the image
// store. Some versions of podman would choose its slow driver, vfs, and some
// machines have no policy of which signatures to ask for.
func (w *world) prepare() error {
	if err := os.MkdirAll(w.Run, 0o700); err != nil {
		return err
	}
	conf := w.path(".config", "containers")
	if err := os.MkdirAll(conf, 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(conf, "storage.conf"), []byte("[storage]\ndriver = \"overlay\"\n"), 0o600),
		os.WriteFile(filepath.Join(conf, "policy.json"), []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600),
	)
}

// remove deletes a temporary world. Files in it belong to subordinate ids, so
// mapped root has to do it.
func (w *world) remove() error {
	var errs error
	for _, dir := range w.temporary {
		if os.RemoveAll(dir) == nil {
			continue
		}
		if err := removeMapped(dir); err != nil {
			errs = errors.Join(errs, fmt.Errorf("cannot remove %s: %w\n  fix: podman unshare rm -rf %s", dir, err, dir))
		}
	}
	return errs
}

func removeMapped(dir string) error {
	ctx := context.Background()
	grant, err := userns.Lookup(ctx)
	if err != nil {
		return err
	}
	p, err := grant.Start(userns.Program{Path: "/bin/rm", Argv: []string{"rm", "-rf", "--", dir}, Env: []string{"PATH=" + searchPath}}, nil)
	if err != nil {
		return err
	}
	if err := p.Map(ctx, grant); err != nil {
		return err
	}
	if status, err := p.Wait(); err != nil || status != 0 {
		return errors.Join(err, fmt.Errorf("rm: exit status %d", status))
	}
	return nil
}
