//go:build containers_image_openpgp

package engine

import (
	"context"
	"os"
	"slices"
	"strings"

	"coracle/storage/record"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
)

// A Pulling is an image, or all of a repository, that is to come into the store.
type Pulling struct {
	record.Request // Scratch is the store's own
	// AllTags fetches every tag of the repository that Ref names.
	AllTags bool
	// Progress goes there; nil: nowhere.
	Progress *os.File
}

// Pull fetches, and returns the ids of what it found or fetched, with lines for
// the user's eyes. Its errors are fit for a person, and errors.As finds a
// [record.Fault] in them.
func (s *Store) Pull(ctx context.Context, p Pulling) (ids, notes []string, err error) {
	e := s.engine()
	e.req = p.Request
	e.req.Scratch = s.incoming()
	if p.Progress != nil {
		e.bars = newProgress(p.Progress, p.Quiet)
		defer e.bars.close()
	}
	refs := []string{p.Ref}
	if p.AllTags {
		refs, err = e.allTags(ctx)
	}
	for _, ref := range refs {
		if err != nil {
			break
		}
		e.req.Ref = ref
		var answer *record.Answer
		if answer, err = e.resolve(ctx); err == nil && !slices.Contains(ids, answer.Record.ID) {
			ids = append(ids, answer.Record.ID)
		}
	}
	return ids, e.notes, Explain(ctx, err)
}

// allTags are the names of all images of the repository that was asked for.
func (e *engine) allTags(ctx context.Context) (refs []string, err error) {
	if e.sys, err = systemContext(&e.req); err != nil {
		return nil, err
	}
	t, err := parseTarget(e.req.Ref)
	if err != nil {
		return nil, err
	}
	if t.where != inRegistry && t.where != inStoreOrRegistry {
		return nil, failf(record.ErrUsage, "--all-tags works for registries, not for %q", e.req.Ref)
	}
	if base := t.name[strings.LastIndexByte(t.name, '/')+1:]; strings.ContainsAny(base, ":@") {
		return nil, failf(record.ErrUsage, "--all-tags: %q names one tag already\n  fix: leave it out", e.req.Ref)
	}
	names, err := e.remoteNames(t.name)
	if err == nil {
		err = CheckAuthFile(e.sys)
	}
	if err != nil {
		return nil, err
	}
	for _, named := range names {
		var tags []string
		if tags, err = e.tags(ctx, named); err == nil {
			for _, tag := range tags {
				refs = append(refs, "docker://"+named.Name()+":"+tag)
			}
			return refs, nil
		}
	}
	return nil, err
}

func (e *engine) tags(ctx context.Context, named reference.Named) (tags []string, err error) {
	ref, err := docker.NewReference(reference.TagNameOnly(named))
	if err != nil {
		return nil, failf(record.ErrUsage, "%q is not an image name: %w", named, err)
	}
	err = e.again(ctx, func() error {
		tags, err = docker.GetRepositoryTags(ctx, e.sys, ref)
		return err
	})
	if err == nil && len(tags) == 0 {
		err = failf(record.ErrNotFound, "the repository %s has no tags", named)
	}
	return tags, err
}
