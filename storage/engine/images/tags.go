//go:build containers_image_openpgp

package images

import (
	"fmt"
	"slices"
	"strings"

	"go.podman.io/image/v5/docker/reference"

	"coracle/storage/engine"
)

// Tags are the names of all images of a repository, in their order. ref is the
// repository's name, or a short one: as [Find] takes it, or the end of the only
// name that ends so. Errors: record.ErrNotFound, record.ErrUsage.
func Tags(s *engine.Store, ref string) ([]string, error) {
	if named, err := reference.ParseNormalizedNamed(ref); err == nil && !reference.IsNameOnly(named) {
		return nil, fmt.Errorf("%w: %q has a tag or digest, and all tags are asked for\n  fix: leave it out", errName, ref)
	}
	candidates, err := s.Candidates(ref)
	if err != nil {
		return nil, err
	}
	all, err := s.Images()
	if err != nil {
		return nil, err
	}
	tags, ends := make(map[string][]string), make(map[string]bool)
	for _, img := range all {
		for _, name := range img.Names {
			named, err := reference.ParseNormalizedNamed(name)
			if _, ok := named.(reference.Tagged); err != nil || !ok {
				continue
			}
			tags[named.Name()] = append(tags[named.Name()], name)
			if strings.HasSuffix(named.Name(), "/"+ref) {
				ends[named.Name()] = true
			}
		}
	}
	for _, repository := range candidates {
		if names := tags[repository.Name()]; len(names) > 0 {
			slices.Sort(names)
			return names, nil
		}
	}
	if len(ends) > 1 {
		return nil, fmt.Errorf("%w: several repositories are called %q\n  fix: name the registry, too", errName, ref)
	}
	for repository := range ends {
		slices.Sort(tags[repository])
		return tags[repository], nil
	}
	return nil, fmt.Errorf("%w%.200q with any tag\n  fix: coracle images   (what is there)", errUnknown, ref)
}
