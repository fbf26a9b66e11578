//go:build containers_image_openpgp

package engine

import (
	"context"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// checkPlatform refuses what cannot be a platform. "arm64" alone is accepted
// as docker does and means linux/arm64.
func checkPlatform(p string) (string, error) {
	if p != "" && !strings.Contains(p, "/") {
		p = "linux/" + p
	}
	if p != "" && !regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+(/[a-z0-9.]+)?$`).MatchString(p) {
		return "", failf(record.ErrUsage, "%q is not a platform\n  fix: os/arch or os/arch/variant, e.g. linux/arm64", p)
	}
	if p != "" && !strings.HasPrefix(p, "linux/") {
		return "", failf(record.ErrUsage, "images for %q cannot run on Linux", p)
	}
	return p, nil
}

// ParsePlatform reads os/arch[/variant], or an architecture alone, for linux.
// Errors: record.ErrUsage.
func ParsePlatform(s string) (string, error) { return checkPlatform(s) }

// Fits reports whether an image of this configuration is one for a platform as
// [ParsePlatform] returns it; every one is for "".
func Fits(config *imgspec.Image, platform string) bool { return fits(config, platform) }

// platformName is the common way to write a platform.
func platformName(os, arch, variant string) string {
	name := os + "/" + arch
	if variant != "" {
		name += "/" + variant
	}
	return name
}

// fits reports whether an image of this platform answers a request for want.
// Only what was asked for counts: an image for any architecture answers an
// empty want, as it does in docker and podman.
func fits(config *imgspec.Image, want string) bool {
	parts := strings.Split(want, "/")
	if len(parts) < 2 {
		return true
	}
	return config.OS == parts[0] && config.Architecture == parts[1] &&
		(len(parts) < 3 || config.Variant == parts[2])
}

// instance is src's image for the platform that sys names: the source's only
// one, or the one chosen from its list.
func instance(ctx context.Context, sys *types.SystemContext, src types.ImageSource, top *image.UnparsedImage) (*image.UnparsedImage, error) {
	blob, mime, err := top.Manifest(ctx)
	if err != nil {
		return nil, err
	}
	if !manifest.MIMETypeIsMultiImage(manifest.NormalizedMIMEType(mime)) {
		return top, nil
	}
	list, err := manifest.ListFromBlob(blob, mime)
	if err != nil {
		return nil, failf(record.ErrCorrupt, "the list of the image's platforms cannot be read: %w", err)
	}
	chosen, err := list.ChooseInstance(sys)
	if err != nil {
		arch := sys.ArchitectureChoice
		if arch == "" {
			arch = runtime.GOARCH
		}
		return nil, failf(record.ErrPlatform, "the image is not made for %s\n  fix: --platform with one of: %s",
			platformName(sys.OSChoice, arch, sys.VariantChoice), offered(list))
	}
	return image.UnparsedInstance(src, &chosen), nil
}

// offered are the platforms of a list, for a message.
func offered(list manifest.List) string {
	var names []string
	for _, d := range list.Instances() {
		if name := listed(list, d); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, " ")
}

func listed(list manifest.List, d digest.Digest) string {
	u, err := list.Instance(d)
	if err != nil || u.ReadOnly.Platform == nil || u.ReadOnly.Platform.OS == "unknown" { // an attestation
		return ""
	}
	p := u.ReadOnly.Platform
	return platformName(p.OS, p.Architecture, p.Variant)
}
