//go:build containers_image_openpgp

package engine

import (
	"errors"
	"strings"

	"coracle/storage/record"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/shortnames"
	istorage "go.podman.io/image/v5/storage"
	"go.podman.io/storage"
)

// find looks a name or id up in the store; nil when there is none. Names win
// over ids: an image called cafe is found although some id starts so.
func (e *engine) find(name string) (*storage.Image, error) {
	names, err := e.candidates(name)
	if err != nil && !isID(name) {
		return nil, err
	}
	for _, named := range names {
		img, err := e.findNamed(named)
		if img != nil || err != nil {
			return img, err
		}
	}
	if !isID(name) {
		return e.findSuffix(name)
	}
	id := strings.TrimPrefix(name, "sha256:")
	img, err := e.store.Image(id)
	switch {
	case errors.Is(err, storage.ErrImageUnknown):
		if err := e.ambiguous(id); err != nil {
			return nil, err
		}
		return e.findSuffix(name)
	case err != nil:
		return nil, failf(record.ErrStore, "cannot look %s up in the image store: %w", id, err)
	case !strings.HasPrefix(img.ID, id): // the store takes names here too
		return e.findSuffix(name)
	}
	return img, nil
}

func (e *engine) findNamed(named reference.Named) (*storage.Image, error) {
	ref, err := istorage.Transport.NewStoreReference(e.store, named, "")
	if err != nil {
		return nil, failf(record.ErrUsage, "%q is not an image name: %w", named, err)
	}
	_, img, err := istorage.ResolveReference(ref)
	if errors.Is(err, istorage.ErrNoSuchImage) {
		return nil, nil
	}
	if err != nil {
		return nil, failf(record.ErrStore, "cannot look %s up in the image store: %w", named, err)
	}
	return img, nil
}

// candidates are the full names that a name can mean in the store: its alias,
// localhost/, the search registries, and docker.io, which is where docker
// would look.
func (e *engine) candidates(name string) ([]reference.Named, error) {
	name = withoutTag(name)
	names, err := shortnames.ResolveLocally(e.sys, name)
	if err != nil {
		return nil, failf(record.ErrUsage, "%q is not an image name: %w", name, err)
	}
	if shortnames.IsShortName(name) {
		if named, err := reference.ParseDockerRef(name); err == nil {
			names = append(names, named)
		}
	}
	return names, nil
}

// withoutTag drops the tag of "name:tag@digest": the digest says all, and no
// transport takes both.
func withoutTag(name string) string {
	before, digest, ok := strings.Cut(name, "@")
	if !ok {
		return name
	}
	if colon := strings.LastIndexByte(before, ':'); colon > strings.LastIndexByte(before, '/') {
		before = before[:colon]
	}
	return before + "@" + digest
}

// isID reports whether s can be an image id or the start of one: three or more
// lower-case hexadecimal digits, or "sha256:" and such.
func isID(s string) bool {
	s = strings.TrimPrefix(s, "sha256:")
	return len(s) >= 3 && len(s) <= 64 && strings.Trim(s, "0123456789abcdef") == ""
}
