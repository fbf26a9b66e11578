//go:build containers_image_openpgp

package images

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/moby/sys/mountinfo"
	"go.podman.io/storage"

	"coracle/storage/engine"
)

// Mounted is an image whose root file system can be seen in this mount namespace.
type Mounted struct {
	ID           string
	Repositories []string // its names
	Path         string
}

// Mount mounts an image's root file system, read-only, in this process's mount
// namespace, and returns where.
func Mount(s *engine.Store, img *storage.Image) (*Mounted, error) {
	path, err := s.MountImage(img.ID, nil, "")
	if err != nil {
		return nil, fmt.Errorf("cannot mount image %.12s: %w", img.ID, err)
	}
	return &Mounted{ID: img.ID, Repositories: img.Names, Path: path}, nil
}

// Unmount undoes one Mount, with force all of them; was tells whether there was
// one.
func Unmount(s *engine.Store, img *storage.Image, force bool) (was bool, err error) {
	m, err := mounted(s, img)
	if err != nil || m == nil {
		return false, err
	}
	if _, err := s.UnmountImage(img.ID, force); err != nil {
		return false, fmt.Errorf("cannot unmount image %.12s: %w", img.ID, err)
	}
	return true, nil
}

// Mounts lists the images that are mounted here. What the store remembers of
// other mount namespaces, living or gone, does not count.
func Mounts(s *engine.Store) ([]*Mounted, error) {
	all, err := s.Images()
	if err != nil {
		return nil, err
	}
	var list []*Mounted
	for i := range all {
		m, err := mounted(s, &all[i])
		if err != nil {
			return nil, err
		}
		if m != nil {
			list = append(list, m)
		}
	}
	return list, nil
}

func mounted(s *engine.Store, img *storage.Image) (*Mounted, error) {
	if img.TopLayer == "" {
		return nil, nil
	}
	layer, err := s.Layer(img.TopLayer)
	if err != nil {
		return nil, fmt.Errorf("image %.12s lacks its layer: %w", img.ID, err)
	}
	if layer.MountCount == 0 || layer.MountPoint == "" {
		return nil, nil
	}
	here, err := mountinfo.Mounted(layer.MountPoint)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot tell whether image %.12s is mounted: %w", img.ID, err)
	}
	if !here {
		return nil, nil
	}
	return &Mounted{ID: img.ID, Repositories: img.Names, Path: layer.MountPoint}, nil
}
