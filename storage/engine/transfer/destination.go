//go:build containers_image_openpgp

package transfer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/docker"
	dockerarchive "go.podman.io/image/v5/docker/archive"
	"go.podman.io/image/v5/docker/reference"
	ociarchive "go.podman.io/image/v5/oci/archive"
	"go.podman.io/image/v5/oci/layout"
	istorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"

	"coracle/storage/engine"
)

// ParseDestination reads where an image is to go: transport:rest as skopeo has
// it, or a name in a registry.
func ParseDestination(s *engine.Store, dest string) (types.ImageReference, error) {
	transport, rest, _ := strings.Cut(dest, ":")
	var ref types.ImageReference
	var err error
	if path, _, _ := strings.Cut(rest, ":"); path == "" && isFile(transport) {
		return nil, fmt.Errorf("%q names no file\n  fix: %s:PATH", dest, transport)
	}
	switch transport {
	case "oci":
		ref, err = layout.ParseReference(rest)
	case "oci-archive":
		ref, err = ociarchive.ParseReference(rest)
	case "dir":
		ref, err = directory.Transport.ParseReference(rest)
	case "docker-archive":
		ref, err = dockerarchive.ParseReference(rest)
	case "containers-storage":
		if strings.HasPrefix(rest, "[") {
			return nil, fmt.Errorf("%q: another store cannot be written to\n  fix: coracle push IMAGE oci:DIR, and load that there", dest)
		}
		ref, err = istorage.Transport.ParseStoreReference(s.Store, rest)
	case "docker-daemon", "ostree", "sif", "tarball", "atomic":
		return nil, fmt.Errorf("the transport %q is not supported\n  fix: coracle push IMAGE docker-archive:FILE, and docker load", transport)
	default:
		return registryDestination(dest)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is no destination: %w", dest, err)
	}
	return ref, nil
}

func isFile(transport string) bool {
	return slices.Contains([]string{"oci", "oci-archive", "dir", "docker-archive"}, transport)
}

func registryDestination(dest string) (types.ImageReference, error) {
	name := strings.TrimPrefix(dest, "docker://")
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no image name: %w", name, err)
	}
	if reference.Domain(named) == "localhost" {
		return nil, fmt.Errorf("%s is a name of this machine's, not a registry's\n  fix: name the destination: coracle push %s REGISTRY/%s", named, named, path.Base(named.String()))
	}
	ref, err := docker.NewReference(reference.TagNameOnly(named))
	if err != nil {
		return nil, fmt.Errorf("%q is no destination: %w", dest, err)
	}
	return ref, nil
}

// NameOf is the name of an image's by which somebody has called it: word itself
// with what it left out. Empty when it was called by its id.
func NameOf(names []string, word string) string {
	named, err := reference.ParseNormalizedNamed(word)
	if err != nil {
		return ""
	}
	full := reference.TagNameOnly(named).String()
	for _, n := range names {
		if n == full {
			return n
		}
	}
	if _, tagged := named.(reference.Tagged); !tagged {
		if _, digested := named.(reference.Digested); !digested {
			word += ":latest"
		}
	}
	for _, n := range names {
		if strings.HasSuffix(n, "/"+word) {
			return n
		}
	}
	return ""
}
