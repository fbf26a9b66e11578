//go:build containers_image_openpgp

package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"coracle/storage/engine"
)

// A Search asks registries for images.
type Search struct {
	Sys   *types.SystemContext
	Limit int // of each registry
	// Filters: nil for whatever.
	Official, Automated *bool
	Stars               int
}

// A Hit is an image that was found.
type Hit struct {
	Index       string // the registry
	Name        string // complete
	Description string
	Stars       int
	Official    bool
	Automated   bool
}

// Filter takes one of --filter.
func (s *Search) Filter(f string) error {
	key, value, hasValue := strings.Cut(f, "=")
	truth := true
	var err error
	switch key {
	case "stars":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return fmt.Errorf("--filter %q: a number of stars is needed", f)
		}
		s.Stars = int(n)
		return nil
	case "is-official", "is-automated":
		if hasValue {
			if truth, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("--filter %q is neither true nor false", f)
			}
		}
		if key == "is-official" {
			s.Official = &truth
		} else {
			s.Automated = &truth
		}
		return nil
	}
	return fmt.Errorf("--filter %q is none of stars=N, is-official, is-automated", f)
}

// Run searches for a term; one that begins with a registry's name, "host/term" or
// "host/", is looked for there alone. Registries that do not answer matter only
// when none does; why says what they said.
func (s *Search) Run(ctx context.Context, term string) (hits []Hit, why []error, err error) {
	registries, term, err := s.where(term)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range registries {
		found, err := docker.SearchRegistry(ctx, s.Sys, r, term, s.Limit)
		if err != nil {
			why = append(why, fmt.Errorf("cannot search %s: %w", r, engine.At(r, nil, err)))
			continue
		}
		if s.Limit > 0 && len(found) > s.Limit {
			found = found[:s.Limit]
		}
		for _, f := range found {
			if h := hit(r, f); s.wants(h) {
				hits = append(hits, h)
			}
		}
	}
	if len(why) == len(registries) {
		return nil, nil, errors.Join(why...)
	}
	return hits, why, nil
}

// where takes a term apart.
func (s *Search) where(term string) (registries []string, rest string, err error) {
	if host, rest, ok := strings.Cut(term, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return []string{host}, rest, nil
	}
	registries, err = sysregistriesv2.UnqualifiedSearchRegistries(s.Sys)
	if err == nil && len(registries) == 0 {
		registries = []string{"docker.io"}
	}
	return registries, term, err
}

func hit(registry string, f docker.SearchResult) Hit {
	name := f.Name
	if registry == "docker.io" && !strings.Contains(name, "/") {
		name = "library/" + name
	}
	return Hit{registry, registry + "/" + name, f.Description, f.StarCount, f.IsOfficial, f.IsAutomated}
}

func (s *Search) wants(h Hit) bool {
	return h.Stars >= s.Stars && (s.Official == nil || *s.Official == h.Official) && (s.Automated == nil || *s.Automated == h.Automated)
}

// Tags lists the tags of a repository, whose name must be complete.
func (s *Search) Tags(ctx context.Context, repository string) (name string, tags []string, err error) {
	named, err := reference.ParseNormalizedNamed(strings.TrimPrefix(repository, "docker://"))
	if err != nil {
		return "", nil, fmt.Errorf("%q is no repository: %w", repository, err)
	}
	if !reference.IsNameOnly(named) {
		return "", nil, fmt.Errorf("%q has a tag or digest already", repository)
	}
	ref, err := docker.NewReference(reference.TagNameOnly(named))
	if err != nil {
		return "", nil, err
	}
	tags, err = docker.GetRepositoryTags(ctx, s.Sys, ref)
	if err != nil {
		return "", nil, fmt.Errorf("cannot list the tags of %s: %w", named, engine.At("", named, err))
	}
	if s.Limit > 0 && len(tags) > s.Limit {
		tags = slices.Clip(tags[:s.Limit])
	}
	return named.Name(), tags, nil
}
