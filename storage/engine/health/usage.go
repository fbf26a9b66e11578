//go:build containers_image_openpgp

package health

import (
	"context"
	"path/filepath"
	"time"

	"coracle/storage"
	"coracle/storage/volume"

	cstorage "go.podman.io/storage"
)

// Usage is what takes space. Sizes are bytes on disk; -1 is unknown.
type Usage struct {
	Images     []ImageUsage
	Containers []ContainerUsage
	Volumes    []VolumeUsage
	// Layers is the size of all layers of images, each counted once, and FreeLayers
	// that of the layers that no container needs.
	Layers, FreeLayers int64
}

// ImageUsage is one name of an image, or an image without a name.
type ImageUsage struct {
	ID, Name     string
	Created      time.Time
	Size         int64 // Shared + Unique
	Shared       int64 // in layers that other images have, too
	Unique       int64
	Containers   int
	RepeatedName bool // not the first name of the image: its size was counted
}

// ContainerUsage is one container of ours.
type ContainerUsage struct {
	*Facts
	Size    int64 // what it wrote
	Volumes int   // that it names
}

// VolumeUsage is one volume.
type VolumeUsage struct {
	Name  string
	Links int // containers that use it
	Size  int64
}

// Usage measures. It walks what containers and volumes hold, so it takes time.
func (s *Store) Usage(ctx context.Context) (*Usage, error) {
	u := &Usage{}
	list, err := s.Containers.List()
	if err != nil {
		return nil, err
	}
	used := map[string]int{}
	for _, c := range list {
		for _, id := range c.Images {
			used[id]++
		}
		size, err := storage.Measure(ctx, c.Path)
		if err != nil {
			return nil, err
		}
		claim, _ := volume.ReadClaim(c.Dir) // system check tells of one that cannot be read
		row := ContainerUsage{Facts: c, Size: size}
		for _, m := range claim.Mounts {
			if m.Name != "" {
				row.Volumes++
			}
		}
		u.Containers = append(u.Containers, row)
	}
	podmans, err := s.Engine.Containers()
	if err != nil {
		return nil, err
	}
	for _, c := range podmans {
		used[c.ImageID]++
	}
	if err := s.imageUsage(u, used); err != nil {
		return nil, err
	}
	if err := s.volumeUsage(ctx, u); err != nil {
		return nil, err
	}
	return u, ctx.Err()
}

func (s *Store) volumeUsage(ctx context.Context, u *Usage) error {
	list, err := s.volumes().List()
	if err != nil || len(list) == 0 {
		return err
	}
	users, err := s.volumes().Users()
	if err != nil {
		return err
	}
	for _, v := range list {
		size, err := storage.Measure(ctx, v.Mountpoint())
		if err != nil {
			return err
		}
		u.Volumes = append(u.Volumes, VolumeUsage{v.Name, len(users[v.Name]), size})
	}
	return nil
}

func (s *Store) imageUsage(u *Usage, used map[string]int) error {
	layers, err := s.Engine.Layers()
	if err != nil {
		return err
	}
	images, err := s.Engine.Images()
	if err != nil {
		return err
	}
	byID := map[string]*cstorage.Layer{}
	for i := range layers {
		byID[layers[i].ID] = &layers[i]
	}
	sizes, owners, needed := map[string]int64{}, map[string]int{}, map[string]bool{}
	for _, image := range images {
		for l := byID[image.TopLayer]; l != nil; l = byID[l.Parent] {
			if owners[l.ID]++; owners[l.ID] == 1 {
				sizes[l.ID] = s.layerSize(l)
				u.Layers += sizes[l.ID]
			}
			needed[l.ID] = needed[l.ID] || used[image.ID] > 0
		}
	}
	for id, size := range sizes {
		if !needed[id] {
			u.FreeLayers += size
		}
	}
	for _, image := range images {
		row := ImageUsage{ID: image.ID, Created: image.Created, Containers: used[image.ID]}
		for l := byID[image.TopLayer]; l != nil; l = byID[l.Parent] {
			if owners[l.ID] > 1 {
				row.Shared += sizes[l.ID]
			} else {
				row.Unique += sizes[l.ID]
			}
		}
		row.Size = row.Shared + row.Unique
		names := image.Names
		if len(names) == 0 {
			names = []string{""}
		}
		for i, name := range names {
			row.Name, row.RepeatedName = name, i > 0
			u.Images = append(u.Images, row)
		}
	}
	return nil
}

// layerSize is the size of a layer's archive, which the store knows, else what
// its directory holds.
func (s *Store) layerSize(l *cstorage.Layer) int64 {
	if l.UncompressedSize > 0 {
		return l.UncompressedSize
	}
	size, err := storage.Measure(context.Background(), filepath.Join(s.graph().layerDir(l.ID), "diff"))
	if err != nil {
		return 0
	}
	return size
}
