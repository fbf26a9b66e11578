//go:build containers_image_openpgp

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/oci/layout"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"coracle/storage/engine"
)

// A Save writes images to one file or directory.
type Save struct {
	Options
	Store *engine.Store
	Sys   *types.SystemContext
	// Kind is docker-archive, oci-archive, oci-dir or docker-dir.
	Kind string
}

// An Item is an image to save, and the names that the archive is to give it.
type Item struct {
	Image *storage.Image
	Names []string
}

// ErrSaveKind is in the error for what a kind of archive cannot hold.
var ErrSaveKind = errors.New("this format cannot hold it")

// To writes items to path. There is nothing new at path unless all went well; a
// directory that is there is replaced only if it is an image's.
func (s *Save) To(ctx context.Context, path string, items []Item) error {
	if s.dir() {
		return s.toDir(ctx, path, items)
	}
	path = filepath.Clean(path)
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return s.toDevice(ctx, path, items)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := s.into(ctx, f, items); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// toDevice writes to what cannot be replaced: a named pipe, /dev/null.
func (s *Save) toDevice(ctx context.Context, path string, items []Item) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cannot write: %w", err)
	}
	if err := s.into(ctx, f, items); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// Stream writes items to a stream.
func (s *Save) Stream(ctx context.Context, out io.Writer, items []Item) error {
	if s.dir() {
		return fmt.Errorf("%w: %s is a directory\n  fix: --output DIR", ErrSaveKind, s.Kind)
	}
	return s.into(ctx, out, items)
}

func (s *Save) dir() bool { return s.Kind == "oci-dir" || s.Kind == "docker-dir" }

func (s *Save) into(ctx context.Context, out io.Writer, items []Item) error {
	if s.Kind == "docker-archive" {
		return s.dockerArchive(ctx, out, items)
	}
	tmp, err := os.MkdirTemp(s.Sys.BigFilesTemporaryDir, "oci-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := s.layout(ctx, tmp, items); err != nil {
		return err
	}
	return tarDir(ctx, out, tmp)
}

// layout writes an OCI layout.
func (s *Save) layout(ctx context.Context, dir string, items []Item) error {
	for _, item := range items {
		names := item.Names
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			ref, err := layout.NewReference(dir, name)
			if err != nil {
				return fmt.Errorf("%w: an OCI layout cannot hold the name %q: %w", ErrSaveKind, name, err)
			}
			if err := s.send(ctx, ref, item.Image, FormatOCI); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends an image to one of the library's destinations.
func (s *Save) send(ctx context.Context, ref types.ImageReference, img *storage.Image, f Format) error {
	p := &Push{Options: s.Options, Store: s.Store, Sys: s.Sys}
	p.Format, p.DropSignatures = f, true
	_, err := p.Run(ctx, img, ref)
	return err
}

// toDir makes the directory beside its place and moves it there.
func (s *Save) toDir(ctx context.Context, path string, items []Item) error {
	path = filepath.Clean(path)
	if s.Kind == "docker-dir" && len(items) != 1 {
		return fmt.Errorf("%w: docker-dir holds one image\n  fix: --format oci-dir", ErrSaveKind)
	}
	if err := replaceable(path); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer os.RemoveAll(tmp)
	if s.Kind == "docker-dir" {
		ref, err := directory.NewReference(tmp)
		if err != nil {
			return err
		}
		if err := s.send(ctx, ref, items[0].Image, FormatV2); err != nil {
			return err
		}
	} else if err := s.layout(ctx, tmp, items); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return replace(tmp, path)
}

// dockerArchive writes what `docker save` writes and what everybody loads.
func (s *Save) dockerArchive(ctx context.Context, out io.Writer, items []Item) error {
	o := s.Options
	o.Cache, o.Format, o.DropSignatures, o.Sign, o.Attach = &Cache{}, "", true, nil, nil
	w := newDockerTar(out, s.Sys.BigFilesTemporaryDir)
	for _, item := range items {
		x, err := openStored(ctx, s.Store, s.Sys, item.Image)
		if err != nil {
			return err
		}
		w.names = item.Names
		_, err = put(ctx, x, w, &o, false)
		x.src.Close()
		if err != nil {
			return fmt.Errorf("image %s: %w", item.Image.ID, err)
		}
	}
	return w.finish()
}
