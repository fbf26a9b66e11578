//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"
	"strings"

	"coracle/storage"
	"coracle/storage/volume"
)

// volumeCommands are the commands of this group, by path.
func volumeCommands() map[string]func() command {
	return map[string]func() command{
		"volume create":  func() command { return &volumeCreate{} },
		"volume ls":      func() command { return &volumeLs{} },
		"volume inspect": func() command { return &volumeInspect{} },
		"volume rm":      func() command { return &volumeRm{} },
		"volume prune":   func() command { return &volumePrune{} },
		"volume exists":  func() command { return &volumeExists{} },
		"volume export":  func() command { return &volumeExport{} },
		"volume import":  func() command { return &volumeImport{} },
		"volume mount":   func() command { return &volumeMount{} },
		"volume unmount": func() command { return &volumeUnmount{} },
	}
}

// volumes are the user's volumes.
func (s *session) volumes() volume.Store { return volume.Store{Data: s.Data} }

// sweep deletes what a command has put into the trash.
func (s *session) sweep(ctx context.Context) error {
	return storage.Containers{Data: s.Data}.Reap(ctx)
}

// keyValues reads KEY[=VALUE] words.
func keyValues(flag string, words []string) (map[string]string, error) {
	m := map[string]string{}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		if key == "" {
			return nil, fmt.Errorf("%s %q is not KEY=VALUE", flag, w)
		}
		m[key] = value
	}
	return m, nil
}
