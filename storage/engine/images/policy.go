//go:build containers_image_openpgp

package images

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/image"
	istorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/transports"
	"go.podman.io/image/v5/types"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// Verdict is what the signature policy says of an image.
type Verdict struct {
	// As is the image's name in the form that policy.json knows, transport first.
	As string
	// Refused says why not; nil when it is accepted.
	Refused error
	Notes   []string // for the user
}

// CheckPolicy asks containers-policy.json(5) about an image: one of the store,
// with the signatures that were stored with it, under each name that it has in a
// registry; or "docker://NAME", which is asked of its registry. Names that no
// registry gave are judged as those of the store.
func CheckPolicy(ctx context.Context, s *engine.Store, ref string) ([]Verdict, error) {
	if name, ok := strings.CutPrefix(ref, "docker:"); ok {
		remote, err := docker.ParseReference(name)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", ref, err)
		}
		v, err := judge(ctx, s, remote, remote)
		return []Verdict{v}, err
	}
	f, err := Lookup(ctx, s, ref)
	if err != nil {
		return nil, err
	}
	stored, err := istorage.Transport.NewStoreReference(s.Store, nil, f.ID)
	if err != nil {
		return nil, err
	}
	names := f.Names
	if f.Name != "" {
		names = []string{f.Name}
	}
	var all []Verdict
	for _, name := range names {
		as, err := policyName(s, name, f.ID)
		if err != nil {
			return nil, err
		}
		v, err := judge(ctx, s, stored, as)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		v, err := judge(ctx, s, stored, stored)
		return []Verdict{v}, err
	}
	return all, nil
}

// policyName is what a policy knows an image by. localhost is no registry.
func policyName(s *engine.Store, name, id string) (types.ImageReference, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	if reference.Domain(named) == "localhost" {
		return istorage.Transport.NewStoreReference(s.Store, named, id)
	}
	return docker.NewReference(named)
}

func judge(ctx context.Context, s *engine.Store, ref, as types.ImageReference) (Verdict, error) {
	v := Verdict{As: transports.ImageName(as)}
	if as.Transport().Name() == istorage.Transport.Name() {
		v.As = "containers-storage:" + as.PolicyConfigurationIdentity()
	}
	src, err := ref.NewImageSource(ctx, s.Sys)
	if err != nil {
		return v, fmt.Errorf("cannot open %s: %w", v.As, err)
	}
	defer src.Close()
	v.Notes, err = s.Allowed(ctx, image.UnparsedInstance(src, nil), as)
	if errors.Is(err, record.ErrPolicy) {
		v.Refused, err = err, nil
	}
	return v, err
}
