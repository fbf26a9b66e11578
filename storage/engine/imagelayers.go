//go:build containers_image_openpgp

package engine

import (
	"path/filepath"

	"coracle/storage/record"

	"go.podman.io/storage"
)

// ImageLayers are the directories of an image's layers, top first, and the
// directory that their links are relative to.
func (s *Store) ImageLayers(img *storage.Image) (dir string, layers []record.Layer, err error) {
	r := &record.Record{Dir: filepath.Join(s.GraphRoot(), "overlay")}
	err = s.engine().layers(r, img)
	return r.Dir, r.Layers, err
}
