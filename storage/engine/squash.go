//go:build containers_image_openpgp

package engine

import (
	"errors"
	"slices"
	"strings"

	"coracle/storage/engine/unpack"
	"coracle/storage/record"

	"go.podman.io/storage"
)

// checkSquashed refuses a layer that is in the store as it is wanted now, but
// without the owners that --ids=squash would have kept: podman's
// ignore_chown_errors, or a user who had one id. Where all owners exist, a
// squashed layer and another are the same.
//
// A layer's name does not tell how it was unpacked, so there can be no other
// beside it.
func (e *engine) checkSquashed(o *origin, id string) error {
	if e.req.IDs != record.IDsSquash || o != nil && o.trusted {
		return nil
	}
	l, err := e.store.Layer(id)
	if errors.Is(err, storage.ErrLayerUnknown) {
		return nil
	}
	if err != nil {
		return failf(record.ErrStore, "cannot look the layer %s up in the image store: %w", id, err)
	}
	uids, gids, err := e.ids()
	if err != nil || !lost(l.UIDs, uids) && !lost(l.GIDs, gids) {
		return err
	}
	names := e.imagesWith(id)
	return failf(record.ErrIDs, "--ids=squash: the layer %.12s is stored already, and whose its files were was not written down then\n"+
		"  fix: coracle rmi %s, and pull again with --ids=squash", id, strings.Join(names, " "))
}

// checkSquashedImage is checkSquashed for all layers of an image that is there.
func (e *engine) checkSquashedImage(o *origin, img *storage.Image) error {
	for id := img.TopLayer; id != "" && e.req.IDs == record.IDsSquash; {
		if err := e.checkSquashed(o, id); err != nil {
			return err
		}
		l, err := e.store.Layer(id)
		if err != nil {
			return nil //nolint:nilerr // damaged, or gone again: found out where it is used
		}
		id = l.Parent
	}
	return nil
}

// lost tells that files were to have owners that do not exist. A layer that was
// squashed names only those on disk.
func lost(owners []uint32, exist unpack.IDs) bool {
	return slices.ContainsFunc(owners, func(id uint32) bool { return !exist.Has(int(id)) })
}

// imagesWith are the images that have a layer, by what rmi takes.
func (e *engine) imagesWith(layer string) (names []string) {
	all, err := e.store.Images()
	if err != nil {
		return []string{"IMAGE"}
	}
	for _, img := range all {
		for id := img.TopLayer; id != ""; {
			if id == layer {
				if names = append(names, img.Names...); len(img.Names) == 0 {
					names = append(names, img.ID[:12])
				}
				break
			}
			l, err := e.store.Layer(id)
			if err != nil {
				break
			}
			id = l.Parent
		}
	}
	return names
}
