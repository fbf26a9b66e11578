//go:build containers_image_openpgp

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coracle/storage/engine"
	"coracle/storage/engine/transfer/archive"
	"coracle/storage/record"
)

// A Load brings the images of an archive into the store.
type Load struct {
	Store *engine.Store
	// Path is what the archive is called in messages and to the signature policy.
	Path     string
	Progress *os.File // nil: nothing is said
	// IDs is record.Request.IDs.
	IDs string
	// Platforms are those to take, os/arch[/variant]; the others are left out. None:
	// this machine's of a list, and every image that stands alone.
	Platforms []string
	// Note gets lines for the user.
	Note func(string)
}

// A Loaded is an image that is in the store now.
type Loaded struct {
	ID    string
	Names []string
}

// Run reads all images of f, a file, directory or stream, which it closes. What
// it returns beside an error was loaded before. Errors: archive.ErrArchive,
// archive.ErrTooLarge.
func (l *Load) Run(ctx context.Context, f *os.File) ([]Loaded, error) {
	dir, done, err := l.Store.Scratch()
	if err != nil {
		f.Close()
		return nil, err
	}
	defer done()
	plain, err := archive.Plain(ctx, f, archive.Spool{Dir: dir})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Path, err)
	}
	a, err := archive.Open(plain, l.Path)
	if errors.Is(err, archive.ErrArchive) && !strings.Contains(err.Error(), "\n  fix: ") {
		err = fmt.Errorf("%w\n  fix: give load what coracle save, docker save or podman save wrote, whole", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Path, err)
	}
	defer a.Close()
	platforms := l.Platforms
	if len(platforms) == 0 {
		platforms = []string{""}
	}
	var all []Loaded
	var absent error
	for i := range len(a.Images) * len(platforms) {
		img, platform := a.Images[i/len(platforms)], platforms[i%len(platforms)]
		loaded, err := l.one(ctx, img, platform)
		if errors.Is(err, record.ErrPlatform) && platform != "" {
			absent = fmt.Errorf("%s: it has no image for %s: %w", l.Path, platform, err)
			continue
		}
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) && a.Kind == "dir" {
				err = fmt.Errorf("the directory is incomplete: %w", err)
			}
			return all, fmt.Errorf("%s: image %d of %d: %w", l.Path, i/len(platforms)+1, len(a.Images), err)
		}
		all = append(all, loaded)
	}
	if len(all) == 0 {
		return nil, absent
	}
	return all, nil
}

func (l *Load) one(ctx context.Context, img archive.Image, platform string) (Loaded, error) {
	t := engine.Taking{What: filepath.Base(l.Path), Ref: img.Ref, Digest: img.Digest, IDs: l.IDs, Progress: l.Progress, Platform: platform}
	for _, n := range img.Names {
		local, ok := engine.LocalName(n)
		if !ok {
			l.Note(fmt.Sprintf("%q in the archive is no image name and is left out", n))
			continue
		}
		t.Names = append(t.Names, local)
	}
	if len(t.Names) > 0 {
		t.What = t.Names[0]
	}
	id, notes, err := l.Store.Take(ctx, t)
	for _, n := range notes {
		l.Note(n)
	}
	if err != nil {
		return Loaded{}, err
	}
	return Loaded{ID: id, Names: t.Names}, nil
}
