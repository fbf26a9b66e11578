//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"coracle/storage"
	"coracle/storage/record"
)

// ours are the directories below storage.Paths.Data that only the user may enter.
func ours() []string {
	return []string{".", "containers", "scratch", "trash", "names", "records", "shifted", "incoming", "volumes", "scratch-volumes", "catalogs", "host", "pushed", "events"}
}

// directories finds those with another owner or an open mode. Whoever may write
// there may put layers under other people's containers.
func (s *Store) directories() (all []Finding, err error) {
	for _, name := range ours() {
		path := filepath.Join(s.Data, name)
		info, e := os.Lstat(path)
		if errors.Is(e, fs.ErrNotExist) {
			continue
		}
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		st := info.Sys().(*syscall.Stat_t)
		switch {
		case !info.IsDir():
			all = append(all, Finding{Kind: Directory, Object: path, Problem: "it is not a directory", mend: func(ctx context.Context) error {
				return os.Rename(path, fmt.Sprintf("%s.odd-%d", path, time.Now().UnixNano()))
			}})
		case st.Uid != 0: // mapped root is the user
			all = append(all, Finding{Kind: Directory, Object: path, Problem: "somebody else owns it", mend: func(context.Context) error {
				return os.Lchown(path, 0, 0)
			}})
		case info.Mode().Perm()&0o022 != 0 || info.Mode().Perm()&0o700 != 0o700:
			all = append(all, Finding{Kind: Directory, Object: path, Problem: fmt.Sprintf("its mode is %04o, not 0700", info.Mode().Perm()),
				mend: func(context.Context) error { return os.Chmod(path, 0o700) }})
		}
	}
	return all, err
}

// containers finds damaged ones: without the facts that a start needs, or on an
// image that is gone. One that was never started and never written to is what a
// launch left that was killed while it wrote the facts.
func (s *Store) containers() (all []Finding, err error) {
	list, err := s.Containers.List()
	if err != nil {
		return nil, err
	}
	images, err := s.imageIDs()
	for _, c := range list {
		if !c.Keep || c.Running {
			continue
		}
		problem := ""
		switch {
		case c.Damage != nil:
			problem, _, _ = strings.Cut(c.Damage.Error(), "\n")
			problem = strings.TrimPrefix(problem, "container "+c.ID+": ")
		case c.Image != "" && images != nil && !images[c.Image]:
			problem = fmt.Sprintf("its image %.12s is gone", c.Image)
		}
		if kind := Container; problem != "" && !c.Gone() { // its facts, or its image, went with it
			if c.NeverStarted {
				kind, problem = Leftover, "container that was never started"
			}
			all = append(all, Finding{Kind: kind, Object: label(c), Problem: problem, Loses: kind == Container, mend: func(ctx context.Context) error {
				return s.removeContainer(ctx, c)
			}})
		}
	}
	return all, err
}

func label(c *Facts) string {
	if c.Name == "" {
		return c.ID[:12]
	}
	return c.Name
}

func (s *Store) removeContainer(ctx context.Context, c *Facts) error {
	d := *c.Dir
	if err := s.set().Trash(&d); err != nil {
		if errors.Is(err, storage.ErrNoContainer) {
			return nil
		}
		return err
	}
	return s.set().Empty(ctx, &d)
}

// damagedVolumes finds those whose record cannot be read. What they hold is there.
func (s *Store) damagedVolumes() (all []Finding, err error) {
	list, err := s.volumes().List()
	for _, v := range list {
		if v.Err != nil && !v.Throwaway {
			problem, _, _ := strings.Cut(v.Err.Error(), "\n")
			all = append(all, Finding{Kind: Volume, Object: v.Name, Problem: problem, Loses: true, mend: func(context.Context) error {
				_, err := s.volumes().Remove(v, false)
				return err
			}})
		}
	}
	return all, err
}

// recordAge is how old a temporary file of an image record has to be to count as
// left: a launch that is writing it holds no lock, and loses nothing but time if
// it is taken away.
const recordAge = 2 * time.Second

// records finds image records that are damaged or lead to layers that are gone.
// A launch would notice the former and, by the store's tokens, the latter.
func (s *Store) records() (all []Finding, err error) {
	dir := filepath.Join(s.Data, "records")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if kind, problem := recordProblem(path); problem != "" {
			all = append(all, Finding{Kind: kind, Object: path, Problem: problem, mend: func(context.Context) error { return os.RemoveAll(path) }})
		}
	}
	return all, err
}

func recordProblem(path string) (kind Kind, problem string) {
	if strings.HasPrefix(filepath.Base(path), ".") {
		info, err := os.Lstat(path)
		if err != nil || time.Since(info.ModTime()) < recordAge {
			return "", ""
		}
		return Leftover, "unfinished image record"
	}
	r, err := record.Load(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", ""
	case err != nil:
		return Record, "the image record is damaged"
	}
	for _, l := range r.Layers {
		if _, err := os.Lstat(l.Diff); err == nil {
			continue
		}
		if r.Stale() != "" {
			return "", "" // it is known not to count, and made anew when asked for
		}
		return Record, "the image record leads to a layer that is gone"
	}
	return "", ""
}
