//go:build containers_image_openpgp

package engine

import (
	"slices"
	"strings"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/shortnames"
	"go.podman.io/storage"
)

// findSuffix finds the image that a short name is the end of the name of, when
// it means nothing better: "app" stands for 127.0.0.1:5000/team/app. Tags must be
// the same. Of several images podman takes the first in the store, and so do we.
func (e *engine) findSuffix(name string) (*storage.Image, error) {
	short, ok := parseShort(name)
	if !ok {
		return nil, nil
	}
	all, err := e.store.Images()
	if err != nil {
		return nil, failf(record.ErrStore, "cannot list the images in %s: %w", e.store.GraphRoot(), err)
	}
	for i := range all {
		if short.among(all[i].Names) != "" || short.digestOf(&all[i]) {
			return &all[i], nil
		}
	}
	return nil, nil
}

// A shortName is the end of names.
type shortName struct{ path, rest string } // rest is ":TAG" or "@DIGEST"

// parseShort takes a name apart; not ok when it has a host, or is no name.
func parseShort(name string) (s shortName, ok bool) {
	name = withoutTag(name)
	if !shortnames.IsShortName(name) {
		return s, false
	}
	ref, err := reference.Parse(name) // as it stands, without docker.io/library
	named, isNamed := ref.(reference.Named)
	if err != nil || !isNamed {
		return s, false
	}
	full := reference.TagNameOnly(named).String()
	return shortName{named.Name(), strings.TrimPrefix(full, named.Name())}, true
}

// among returns the first of an image's names that it is the end of, "" for none.
func (s shortName) among(names []string) string {
	for _, n := range names {
		path, ok := strings.CutSuffix(n, s.rest)
		if ok && (path == s.path || strings.HasSuffix(path, "/"+s.path)) {
			return n
		}
	}
	return ""
}

// digestOf tells that it names an image of this repository by its digest.
func (s shortName) digestOf(img *storage.Image) bool {
	d, ok := strings.CutPrefix(s.rest, "@")
	if !ok || !slices.Contains(img.Digests, digest.Digest(d)) {
		return false
	}
	return slices.ContainsFunc(img.Names, func(n string) bool {
		named, err := reference.ParseNormalizedNamed(n)
		return err == nil && (named.Name() == s.path || strings.HasSuffix(named.Name(), "/"+s.path))
	})
}

// Meant is the one of an image's names that a name stands for, "" for none.
func (s *Store) Meant(img *storage.Image, name string) string {
	names, err := s.Candidates(name)
	if err != nil {
		return ""
	}
	for _, named := range names {
		full := reference.TagNameOnly(named).String()
		if slices.Contains(img.Names, full) {
			return full
		}
	}
	if short, ok := parseShort(name); ok {
		return short.among(img.Names)
	}
	return ""
}
