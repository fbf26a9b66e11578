//go:build containers_image_openpgp

package transfer

import (
	"fmt"
	"slices"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
)

// A Format is a manifest's.
type Format string

// The formats that --format knows; the zero value keeps the image's own where
// the destination takes it.
const (
	FormatOCI Format = "oci"
	FormatV2  Format = "v2s2"
)

// ParseFormat reads --format of push; empty is the zero value.
func ParseFormat(s string) (Format, error) {
	switch s {
	case "", "oci", "v2s2":
		return Format(s), nil
	case "docker":
		return FormatV2, nil
	case "v2s1":
		return "", fmt.Errorf("--format v2s1: docker's old manifest format proves nothing of its layers, and registries of today refuse it\n  fix: --format v2s2")
	}
	return "", fmt.Errorf("--format %q is none of oci, v2s2", s)
}

func (f Format) mime() string {
	switch f {
	case FormatOCI:
		return imgspec.MediaTypeImageManifest
	case FormatV2:
		return manifest.DockerV2Schema2MediaType
	}
	return ""
}

// chooseFormat is the media type of the manifest to write: what was asked for,
// else the image's own, else what the destination prefers. zstd needs OCI.
func chooseFormat(own string, asked Format, supported []string, algorithm string) (string, error) {
	known := []string{imgspec.MediaTypeImageManifest, manifest.DockerV2Schema2MediaType}
	takes := func(mime string) bool {
		return (len(supported) == 0 || slices.Contains(supported, mime)) && (mime == known[0] || !onlyOCI(algorithm))
	}
	if want := asked.mime(); want != "" {
		if !takes(want) && onlyOCI(algorithm) && asked == FormatV2 {
			return "", fmt.Errorf("docker's manifests know no %s\n  fix: --format oci", algorithm)
		}
		if !takes(want) {
			return "", fmt.Errorf("the destination takes no manifests of the format %s", asked)
		}
		return want, nil
	}
	if takes(own) {
		return own, nil
	}
	for _, mime := range append(slices.Clone(supported), known...) {
		if slices.Contains(known, mime) && takes(mime) {
			return mime, nil
		}
	}
	return "", fmt.Errorf("the destination takes neither OCI nor docker manifests with layers compressed with %s", algorithm)
}

// listMIME is the format of a list of images that goes with that of its images.
func listMIME(mime string) string {
	if mime == manifest.DockerV2Schema2MediaType {
		return manifest.DockerV2ListMediaType
	}
	return imgspec.MediaTypeImageIndex
}
