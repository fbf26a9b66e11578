//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"coracle/cmd/internal/format"
	"coracle/cmd/internal/text"
	"coracle/storage/engine"
	"coracle/storage/engine/images"
)

// errOutside says that a mount made now would be gone with this program: it has a
// mount namespace of its own, unless it was started inside `coracle unshare`.
var errOutside = errors.New("image mount works inside coracle unshare, for as long as its shell runs\n  fix: coracle unshare, and there: coracle image mount IMAGE")

// errNotMounted is for image unmount outside of `coracle unshare`.
var errNotMounted = errors.New("image unmount works inside coracle unshare: out here no image is mounted, and the end of that shell unmounts all\n  fix: coracle unshare, and there: coracle image mount   (what is mounted)")

// imageMount is `coracle image mount`.
type imageMount struct {
	Images []string `arg:"" optional:"" name:"image" help:"Names or ids; without any, what is mounted is listed."`
	All    bool     `short:"a" help:"Mount all images."`
	Format string   `placeholder:"TEMPLATE" help:"A Go template or json."`
}

// mountedImage is a mounted image as templates see it.
type mountedImage struct {
	ID           string `json:"id"`
	Repositories []string
	Path         string `json:"mountpoint"`
}

// Mountpoint is Path.
func (r mountedImage) Mountpoint() string { return r.Path }

func (c *imageMount) Run(ctx context.Context, s *session) error {
	if !s.Unshared {
		return errOutside
	}
	if c.All && len(c.Images) > 0 {
		return errors.New("--all and names contradict each other")
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	if len(c.Images) == 0 && !c.All {
		list, err := images.Mounts(store)
		if err != nil {
			return err
		}
		return c.print(list, false)
	}
	found, err := findImages(ctx, store, c.Images, c.All)
	errs := []error{err}
	var list []*images.Mounted
	for _, img := range found {
		m, err := images.Mount(store, img)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, m)
	}
	return errors.Join(append(errs, c.print(list, len(c.Images) == 1))...)
}

// print shows one image's path alone, as podman does, for $(…).
func (c *imageMount) print(list []*images.Mounted, pathOnly bool) error {
	rows := []mountedImage{}
	for _, m := range list {
		rows = append(rows, mountedImage{m.ID, m.Repositories, m.Path})
	}
	switch {
	case c.Format != "":
		return format.List{Format: c.Format}.Print(out(), rows)
	case pathOnly:
		for _, r := range rows {
			fmt.Println(r.Path)
		}
		return nil
	}
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{strings.Join(r.Repositories, ","), r.Path})
	}
	return text.Table(os.Stdout, nil, cells)
}

// imageUnmount is `coracle image unmount`.
type imageUnmount struct {
	Images []string `arg:"" optional:"" name:"image" help:"Names or ids."`
	All    bool     `short:"a" help:"Unmount all images."`
	Force  bool     `short:"f" help:"Also those that were mounted several times."`
}

func (c *imageUnmount) Run(ctx context.Context, s *session) error {
	switch {
	case !s.Unshared:
		return errNotMounted
	case c.All && len(c.Images) > 0:
		return errors.New("--all and names contradict each other\n  fix: coracle image unmount IMAGE…, or --all")
	case !c.All && len(c.Images) == 0:
		return errors.New("no image named\n  fix: coracle image unmount IMAGE…, or --all")
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	found, err := findImages(ctx, store, c.Images, c.All)
	errs := []error{err}
	for _, img := range found {
		was, err := images.Unmount(store, img, c.Force)
		switch {
		case err != nil:
			errs = append(errs, err)
		case was:
			fmt.Println(img.ID)
		case !c.All:
			errs = append(errs, fmt.Errorf("image %s is not mounted here\n  fix: coracle image mount   (what is)", imageLabel(img)))
		}
	}
	return errors.Join(errs...)
}

func imageLabel(img *engine.Image) string {
	if len(img.Names) > 0 {
		return img.Names[0]
	}
	return img.ID[:12]
}

// findImages finds those that are named, or all.
func findImages(ctx context.Context, store *engine.Store, names []string, all bool) (found []*engine.Image, err error) {
	if all {
		list, err := store.Images()
		for i := range list {
			found = append(found, &list[i])
		}
		return found, err
	}
	for _, name := range names {
		img, e := images.Find(ctx, store, name)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		found = append(found, img)
	}
	return found, err
}
