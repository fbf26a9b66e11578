//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"coracle/storage/record"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/shortnames"
	"go.podman.io/storage"
)

// resolve answers the request: finds the image, fetches it if that is asked,
// and writes its record.
func (e *engine) resolve(ctx context.Context) (*record.Answer, error) {
	var err error
	if e.req.Platform, err = checkPlatform(e.req.Platform); err != nil {
		return nil, err
	}
	if e.sys, err = systemContext(&e.req); err != nil {
		return nil, err
	}
	t, err := parseTarget(e.req.Ref)
	if err != nil {
		return nil, err
	}
	if e.work, err = newScratch(e.req.Scratch, e.store); err != nil {
		return nil, err
	}
	defer e.work.close()
	e.sys.BigFilesTemporaryDir = e.work.dir
	conf, err := e.confTokens(t)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		answer, err := e.resolved(ctx, t, conf)
		if try == 3 || !gone(err) || ctx.Err() != nil {
			return answer, err
		}
	}
}

// resolved is one try to resolve: another process may remove the image between
// the steps.
func (e *engine) resolved(ctx context.Context, t target, conf []record.Token) (*record.Answer, error) {
	tokens, err := e.storeTokens()
	if err != nil {
		return nil, err
	}
	id, changed, err := e.image(ctx, t)
	if err != nil {
		return nil, err
	}
	if changed {
		if tokens, err = e.storeTokens(); err != nil {
			return nil, err
		}
		if img, err := e.now(t, id); err != nil || img != id {
			conf, tokens = nil, nil // somebody moved the name: right now, but not for long
		}
	}
	r, err := e.record(id, append(tokens, conf...))
	if err != nil {
		return nil, err
	}
	return &record.Answer{Record: r, Pulled: changed}, nil
}

// now is the id that t stands for at present, which is id for all that do not
// go by a name.
func (e *engine) now(t target, id string) (string, error) {
	if t.where != inStoreOrRegistry && t.where != inStore {
		return id, nil
	}
	img, err := e.findFitting(t.name)
	if img == nil || err != nil {
		return "", err
	}
	return img.ID, nil
}

// image makes sure that the target's image is in the store and returns its id,
// and whether the store was changed for it.
func (e *engine) image(ctx context.Context, t target) (id string, changed bool, err error) {
	switch t.where {
	case inProgram:
		o, err := e.baseOrigin()
		if err != nil {
			return "", false, err
		}
		return e.fetch(ctx, o)
	case inFile:
		o, err := e.fileOrigin(t)
		if err != nil {
			return "", false, err
		}
		defer o.close()
		id, changed, err := e.fetch(ctx, o)
		if errors.Is(err, fs.ErrNotExist) {
			err = failf(record.ErrCorrupt, "%s is incomplete: %w", e.req.Ref, err)
		}
		return id, changed, err
	}
	local, err := e.findFitting(t.name)
	if err != nil {
		return "", false, err
	}
	pull := e.req.Pull
	if t.where == inStore {
		pull = record.PullNever
	}
	switch pull {
	case record.PullNever:
		if local == nil {
			return "", false, failf(record.ErrNotFound, "no image %q in %s, and pulling is off", e.req.Ref, e.store.GraphRoot())
		}
		return local.ID, false, e.checkSquashedImage(nil, local)
	case record.PullMissing, "":
		if local != nil {
			return local.ID, false, e.checkSquashedImage(nil, local)
		}
		return e.pull(ctx, t.name)
	case record.PullAlways:
		return e.pull(ctx, t.name)
	case record.PullNewer:
		id, changed, err := e.pull(ctx, t.name)
		if err != nil && local != nil && ctx.Err() == nil {
			e.note("could not ask for a newer %s, using the local image: %v", e.req.Ref, err)
			return local.ID, false, nil
		}
		return id, changed, err
	}
	return "", false, failf(record.ErrUsage, "pull policy %q is none of missing, always, newer, never", e.req.Pull)
}

// findFitting is find, for images of the platform that was asked for.
func (e *engine) findFitting(name string) (*storage.Image, error) {
	img, err := e.find(name)
	if img == nil || err != nil || e.req.Platform == "" {
		return img, err
	}
	config, _, err := e.config(img)
	if err != nil || !fits(config, e.req.Platform) {
		return nil, err
	}
	return img, nil
}

// pull fetches a name from the first registry that has it.
func (e *engine) pull(ctx context.Context, name string) (id string, changed bool, err error) {
	name = withoutTag(name)
	names, err := e.remoteNames(name)
	if err != nil {
		return "", false, err
	}
	if err := CheckAuthFile(e.sys); err != nil {
		return "", false, err
	}
	var problems []string
	var first error
	for _, named := range names {
		o, err := registryOrigin(reference.TagNameOnly(named))
		if err != nil {
			return "", false, err
		}
		id, changed, err = e.fetch(ctx, o)
		if err == nil || ctx.Err() != nil {
			return id, changed, err
		}
		err = At("", named, err)
		if first == nil {
			first = err
		}
		problems = append(problems, named.String()+": "+err.Error())
	}
	kind, hint := explain(first)
	if hint != "" {
		hint = "\n  fix: " + hint
	}
	return "", false, failf(kind, "cannot pull %s%s", strings.Join(problems, "\n  and "), hint)
}

// remoteNames are the registries' names for a name, as registries.conf has it.
// A machine that says nothing about short names gets docker's meaning of them.
func (e *engine) remoteNames(name string) ([]reference.Named, error) {
	if strings.HasPrefix(name, "sha256:") && isID(name) {
		return nil, failf(record.ErrNotFound, "no image in %s has the id %s", e.store.GraphRoot(), name)
	}
	if strings.HasPrefix(name, "localhost/") {
		return nil, failf(record.ErrNotFound, "no image %q in %s, and localhost/ names are never pulled", name, e.store.GraphRoot())
	}
	var names []reference.Named
	resolved, err := shortnames.Resolve(e.sys, name)
	if err == nil {
		for _, c := range resolved.PullCandidates {
			names = append(names, c.Value)
		}
		return names, nil
	}
	if !strings.Contains(err.Error(), "did not resolve to an alias") {
		return nil, failf(record.ErrUsage, "cannot tell which registry %q is in: %w", name, err)
	}
	named, err := reference.ParseDockerRef(name)
	if err != nil {
		return nil, failf(record.ErrUsage, "%q is not an image name: %w", name, err)
	}
	e.note("%q is taken for %s: registries.conf names no registries to search", name, named)
	return []reference.Named{named}, nil
}
