//go:build containers_image_openpgp

package engine

import (
	"coracle/storage"
	"coracle/storage/record"
)

// checkLocal refuses a store on a network file system before anything is
// downloaded into it.
func checkLocal(graphRoot string) error {
	err := storage.CheckFS(graphRoot, "image store", []string{
		"in ~/.config/containers/storage.conf (the file may have the section already):",
		"  [storage]",
		`  driver = "overlay"`,
		`  graphroot = "DIR/storage"`,
	})
	if err != nil {
		return failf(record.ErrUnsupported, "%w", err)
	}
	return nil
}
