//go:build containers_image_openpgp

package main

import (
	"context"
	"os"

	"coracle/storage/engine/images"
	"coracle/storage/record"
)

// catalog is the list of images: the one that was written down last while it
// holds, else a new one, written down for the next time. Without the file the next
// list takes longer, so a failure to write it is none of this command's.
func (s *session) catalog(ctx context.Context) (*record.Catalog, error) {
	path := record.CatalogPath(s.Data, s.UID, os.Getenv)
	known, err := record.LoadCatalog(path)
	if err == nil && known.Stale() == "" {
		return known, nil
	}
	store, err := s.store()
	if err != nil {
		return nil, err
	}
	fresh, err := images.List(ctx, store, known)
	if err != nil {
		return nil, err
	}
	_ = fresh.Save(path)
	return fresh, nil
}

// usedImages tells which images containers use, and by which containers.
func (s *session) usedImages() (map[string][]string, error) {
	all, err := s.containers().List()
	if err != nil {
		return nil, err
	}
	used := make(map[string][]string)
	for _, c := range all {
		for _, id := range c.Images() {
			used[id] = append(used[id], c.ID)
		}
	}
	return used, nil
}
