package baseimage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Name is the image's full name.
const Name = "localhost/coracle/base:latest"

// Options is what an image is made of.
type Options struct {
	Arch      string    // "amd64" or "arm64"
	Busybox   []byte    // the program, static
	Copyright []byte    // Debian's copyright file of the package
	Version   string    // the package's version; empty: as the program says
	When      time.Time // of every file and of the image
}

// Media types, image-spec/media-types.md.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// object is JSON; its keys are sorted when written.
type object = map[string]any

// Write makes the image and writes it as an archive of an OCI layout, which
// "oci-archive:" reads. Errors: [ErrBusybox].
func Write(w io.Writer, o Options) error {
	if o.Version == "" {
		o.Version = version(o.Busybox)
	}
	if o.Version == "" || len(o.Copyright) == 0 {
		return errors.New("busybox must not be given away without its licence: the version or the copyright file is missing")
	}
	upper, err := tools(o)
	if err != nil {
		return err
	}
	a := &archive{when: o.When.UTC().Truncate(time.Second)}
	manifest, err := a.image(o, skeleton(), upper)
	if err != nil {
		return fmt.Errorf("cannot make the base image: %w", err)
	}
	manifest["annotations"] = object{"org.opencontainers.image.ref.name": Name}
	manifest["platform"] = object{"os": "linux", "architecture": o.Arch}
	if err := a.file("index.json", object{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []object{manifest}}); err != nil {
		return err
	}
	if err := a.file("oci-layout", object{"imageLayoutVersion": "1.0.0"}); err != nil {
		return err
	}
	a.entries = append(a.entries, entry{name: "blobs/", mode: 0o755}, entry{name: "blobs/sha256/", mode: 0o755})
	return writeTar(w, a.entries, a.when)
}

// archive collects the files of the layout.
type archive struct {
	when    time.Time
	entries []entry
}

// image adds an image's blobs and returns the descriptor of its manifest.
func (a *archive) image(o Options, layers ...[]entry) (object, error) {
	created := a.when.Format(time.RFC3339)
	var descriptors, history []object
	var diffIDs []string
	for i, entries := range layers {
		made, err := makeLayer(entries, a.when)
		if err != nil {
			return nil, err
		}
		descriptors = append(descriptors, a.blob(typeLayer, made.blob))
		diffIDs = append(diffIDs, made.diffID)
		history = append(history, object{"created": created, "created_by": []string{"coracle base: directories and accounts", "coracle base: busybox-static " + o.Version}[i]})
	}
	config, err := json.Marshal(object{
		"architecture": o.Arch, "os": "linux", "created": created,
		"config": object{
			"Cmd":        []string{"sh"},
			"Env":        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			"WorkingDir": "/",
			"Labels": object{
				"org.opencontainers.image.title":       "coracle/base",
				"org.opencontainers.image.description": "A shell and the usual tools, inside Coracle itself",
				"org.opencontainers.image.licenses":    "GPL-2.0-only AND LGPL-2.1-or-later",
				"org.opencontainers.image.version":     "busybox-static " + o.Version,
			},
		},
		"rootfs":  object{"type": "layers", "diff_ids": diffIDs},
		"history": history,
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(object{
		"schemaVersion": 2, "mediaType": typeManifest,
		"config": a.blob(typeConfig, config), "layers": descriptors,
	})
	if err != nil {
		return nil, err
	}
	return a.blob(typeManifest, manifest), nil
}

// blob adds a blob and returns its descriptor.
func (a *archive) blob(mediaType string, data []byte) object {
	sum := digest(data)
	a.entries = append(a.entries, entry{name: "blobs/sha256/" + sum[len("sha256:"):], mode: 0o644, body: data})
	return object{"mediaType": mediaType, "digest": sum, "size": len(data)}
}

func (a *archive) file(name string, value object) error {
	data, err := json.Marshal(value)
	a.entries = append(a.entries, entry{name: name, mode: 0o644, body: data})
	return err
}
