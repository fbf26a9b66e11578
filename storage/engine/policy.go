//go:build containers_image_openpgp

package engine

import (
	"context"
	"errors"
	"io/fs"

	"coracle/storage/record"

	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage/pkg/configfile"
)

// allowed asks containers-policy.json(5) whether the image may be used. podman
// refuses every image on a machine without that file; here such a machine
// accepts them, as docker does, and says so: a missing file must not make an
// archive on one's own disk unusable. A file that is there and broken is an
// error.
func (e *engine) allowed(ctx context.Context, o *origin, unparsed *image.UnparsedImage) error {
	if o.trusted {
		return nil
	}
	var img types.UnparsedImage = unparsed
	if o.policyRef != nil {
		img = image.UnparsedInstanceWithReference(unparsed, o.policyRef)
	}
	policy, err := signature.DefaultPolicy(e.sys)
	if errors.Is(err, configfile.ErrConfigFileNotFound) || errors.Is(err, fs.ErrNotExist) {
		e.note("there is no policy.json (containers-policy.json(5)): image signatures are not checked")
		policy = &signature.Policy{Default: signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()}}
	} else if err != nil {
		return failf(record.ErrPolicy, "cannot read the signature policy: %w", err)
	}
	pc, err := signature.NewPolicyContext(policy)
	if err != nil {
		return failf(record.ErrPolicy, "cannot use the signature policy: %w", err)
	}
	defer pc.Destroy()
	if ok, err := pc.IsRunningImageAllowed(ctx, img); !ok {
		if kind, _ := registryKind(err); kind != "" {
			return err // the manifest or a signature could not be fetched
		}
		if kind, _ := networkKind(err); kind != "" {
			return err
		}
		return failf(record.ErrPolicy, "the signature policy refuses this image: %w\n  fix: containers-policy.json(5) says which images this machine accepts", err)
	}
	return nil
}
