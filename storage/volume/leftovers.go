package volume

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"coracle/storage"
)

// Leftovers lists what [Store.Sweep] would remove, and touches nothing.
func (s Store) Leftovers() (all []storage.Leftover, err error) {
	names, err := s.names(scratchDir)
	for _, name := range names {
		if v, looking := s.look(scratchDir, name); looking == nil && !s.owned(v) {
			all = append(all, storage.Leftover{Path: filepath.Join(scratchDir, name), What: "volume of a throw-away container that has ended"})
		}
	}
	for _, parent := range []string{namedDir, scratchDir} {
		entries, reading := os.ReadDir(filepath.Join(s.Data, parent))
		if reading != nil && !errors.Is(reading, os.ErrNotExist) {
			err = errors.Join(err, reading)
		}
		for _, e := range entries {
			if n := e.Name(); strings.HasPrefix(n, newPrefix) || strings.HasPrefix(n, gonePrefix) {
				all = append(all, storage.Leftover{Path: filepath.Join(parent, n), What: "volume that was never finished, or is removed"})
			}
		}
	}
	return all, err
}
