//go:build containers_image_openpgp

package engine

import (
	"path/filepath"

	"coracle/storage/record"

	"go.podman.io/storage/pkg/homedir"
)

// A token must be older than what it vouches for: what changes after it was
// taken then makes the record stale, not wrong. So they are taken before the
// image is looked for, and those of the store again after we wrote to it
// ourselves, followed by another look.

// storeTokens are the last writers of the store and of those it stands on.
func (e *engine) storeTokens() ([]record.Token, error) {
	roots, err := e.roots()
	if err != nil {
		return nil, err
	}
	var tokens []record.Token
	for _, root := range roots {
		images, err := record.Take(record.Lock, filepath.Join(root, "overlay-images", "images.lock"))
		if err != nil {
			return nil, failf(record.ErrStore, "%w", err)
		}
		layers, err := record.Take(record.Soft, filepath.Join(root, "overlay-layers", "layers.lock"))
		if err != nil {
			return nil, failf(record.ErrStore, "%w", err)
		}
		tokens = append(tokens, images, layers)
	}
	return tokens, nil
}

// confTokens are the files that say which store it is, what a name means, and
// which image a file holds.
func (e *engine) confTokens(t target) ([]record.Token, error) {
	tokens, err := fileTokensOf(storageConf())
	for _, more := range []func() ([]record.Token, error){t.nameTokens, t.tokens} {
		if err != nil {
			break
		}
		var found []record.Token
		found, err = more()
		tokens = append(tokens, found...)
	}
	if err != nil {
		return nil, failf(record.ErrStore, "%w", err)
	}
	return tokens, nil
}

// nameTokens are the files that say what a short name means.
func (t target) nameTokens() ([]record.Token, error) {
	if t.where != inStoreOrRegistry && t.where != inStore {
		return nil, nil
	}
	tokens, err := fileTokensOf(registriesConf())
	if err != nil {
		return nil, err
	}
	cache, err := homedir.GetCacheHome()
	if err != nil {
		return tokens, nil // no place for aliases, so there are none
	}
	aliases, err := fileTokens(filepath.Join(cache, "containers", "short-name-aliases.conf"))
	return append(tokens, aliases...), err
}
