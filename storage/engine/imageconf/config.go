package imageconf

import (
	"encoding/json"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Config is what a container is started with. The fields beyond the OCI's are
// docker's; in an OCI image they are extensions that others ignore.
type Config struct {
	imgspec.ImageConfig
	// OnBuild are instructions for builds that start from the image.
	OnBuild []string `json:"OnBuild,omitempty"`
	// Healthcheck is kept as it was found.
	Healthcheck json.RawMessage `json:"Healthcheck,omitempty"`
	// Shell is kept as it was found.
	Shell []string `json:"Shell,omitempty"`
}

// Image is an image's whole configuration, the blob that the manifest calls
// config (image-spec, config.md).
type Image struct {
	imgspec.Image
	// Config is in the place of the embedded field of the same name.
	Config Config `json:"config,omitempty"`
	// Comment is docker's; podman shows it.
	Comment string `json:"comment,omitempty"`
}

// Entry is the line that a new layer, or a change without one, adds to an
// image's history. by is the command that made the layer; what was changed
// besides follows it in the form that docker gives to instructions without a
// layer.
func Entry(created time.Time, by, author, comment string, changes []string, empty bool) imgspec.History {
	for _, c := range changes {
		if by != "" {
			by += "; "
		}
		by += "/bin/sh -c #(nop) " + c
	}
	created = created.UTC()
	return imgspec.History{Created: &created, CreatedBy: by, Author: author, Comment: comment, EmptyLayer: empty}
}
