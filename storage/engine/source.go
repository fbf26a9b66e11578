//go:build containers_image_openpgp

package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"coracle/storage/engine/baseimage"
	"coracle/storage/record"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/docker"
	dockerarchive "go.podman.io/image/v5/docker/archive"
	"go.podman.io/image/v5/docker/reference"
	ociarchive "go.podman.io/image/v5/oci/archive"
	"go.podman.io/image/v5/oci/layout"
	"go.podman.io/image/v5/types"
)

// An origin is where an image comes from and what it is to be called here.
type origin struct {
	ref    types.ImageReference
	names  []string      // fully qualified; empty: it is known by its id alone
	digest digest.Digest // that its manifest must have; "" when the transport checks or none is known
	// policyRef is what a signature policy knows the image by, when it is not ref.
	policyRef types.ImageReference
	trusted   bool // needs no policy
	close     func()
}

// registryOrigin is a name in a registry.
func registryOrigin(named reference.Named) (*origin, error) {
	ref, err := docker.NewReference(named)
	if err != nil {
		return nil, failf(record.ErrUsage, "%q is not an image name: %w", named.String(), err)
	}
	return &origin{ref: ref, names: []string{named.String()}, close: func() {}}, nil
}

// fileOrigin is an image in a file or directory. Names are those that podman
// would give it.
func (e *engine) fileOrigin(t target) (*origin, error) {
	o := &origin{close: func() {}}
	var err error
	switch t.transport {
	case "dir":
		o.ref, err = directory.Transport.ParseReference(t.name)
	case "docker-archive":
		err = o.dockerArchive(e.sys, t)
	case "oci":
		err = o.layout(t.name)
	case "oci-archive":
		err = e.archiveOrigin(o, t)
	}
	if err != nil {
		return nil, fileFault(t, err)
	}
	return o, nil
}

// layout takes the image's digest and names from its entry in index.json.
func (o *origin) layout(name string) error {
	var err error
	if o.ref, err = layout.ParseReference(name); err != nil {
		return err
	}
	d, err := layout.LoadManifestDescriptor(o.ref)
	if err != nil {
		return err
	}
	if err := d.Digest.Validate(); err != nil {
		return failf(record.ErrCorrupt, "its index.json has the digest %q: %w", d.Digest, err)
	}
	o.digest = d.Digest
	tag := d.Annotations["io.containerd.image.name"]
	if tag == "" {
		tag = d.Annotations[imgspec.AnnotationRefName]
	}
	o.names = localName(tag)
	return nil
}

// archiveOrigin unpacks an OCI archive and goes on with the layout. A policy
// still speaks of the archive.
func (e *engine) archiveOrigin(o *origin, t target) error {
	var err error
	if o.policyRef, err = ociarchive.ParseReference(t.name); err != nil {
		return err
	}
	f, err := os.Open(t.path())
	if err != nil {
		return err
	}
	defer f.Close()
	return e.unpackArchive(o, f, strings.TrimPrefix(t.name, t.path()))
}

func (e *engine) unpackArchive(o *origin, archive io.Reader, which string) error {
	dir := filepath.Join(e.work.dir, "oci")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := extract(archive, dir); err != nil {
		return err
	}
	return o.layout(dir + which)
}

// dockerArchive lists the archive itself, to know its names and to say them
// when there is a choice.
func (o *origin) dockerArchive(sys *types.SystemContext, t target) error {
	ref, err := dockerarchive.ParseReference(t.name)
	if err != nil {
		return err
	}
	r, ref, err := dockerarchive.NewReaderForReference(sys, ref)
	if err != nil {
		return err
	}
	o.close = func() { r.Close() }
	o.ref = ref
	images, err := r.List()
	if err == nil && len(images) > 1 && !strings.Contains(t.name, ":") {
		err = failf(record.ErrUsage, "%s holds %d images\n  fix: name one: %s", t.name, len(images), archiveNames(t.name, images))
	}
	var tags []string
	if err == nil {
		tags, err = r.ManifestTagsForReference(ref)
	}
	if err != nil {
		r.Close()
		return err
	}
	for _, tag := range tags {
		o.names = append(o.names, localName(tag)...)
	}
	return nil
}

func archiveNames(path string, images [][]types.ImageReference) string {
	var out []string
	for i, refs := range images {
		name := fmt.Sprintf("@%d", i)
		if named := refs[0].DockerReference(); named != nil {
			name = named.String()
		}
		out = append(out, "docker-archive:"+path+":"+name)
	}
	return strings.Join(out, "\n       or: ")
}

// localName is the name in this store for one found in an archive: complete as
// it is, or under localhost/, as podman has it. What is no name gives none.
func localName(name string) []string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil
	}
	if host, _, _ := strings.Cut(name, "/"); !strings.ContainsAny(host, ".:") && host != "localhost" || host == name {
		if named, err = reference.ParseNormalizedNamed("localhost/" + name); err != nil {
			return nil
		}
	}
	return []string{reference.TagNameOnly(named).String()}
}

// baseOrigin is the built-in image. It needs no policy: who runs the program
// trusts what is in it.
func (e *engine) baseOrigin() (*origin, error) {
	in, err := baseimage.Open()
	if err != nil {
		return nil, failf(record.ErrNotFound, "%w", err)
	}
	defer in.Close()
	o := &origin{trusted: true, close: func() {}}
	if err := e.unpackArchive(o, in, ""); err != nil {
		return nil, fmt.Errorf("cannot unpack the built-in image: %w", err)
	}
	o.names = []string{baseName}
	return o, nil
}

// fileFault says what is wrong with an image file. That it is not there is one
// thing; all else the transports report of it is damage.
func fileFault(t target, err error) error {
	var f *fault
	var noRef layout.ImageNotFoundError
	switch {
	case errors.As(err, &f):
		return fmt.Errorf("%s: %w", t.name, err)
	case errors.As(err, &noRef):
		return failf(record.ErrNotFound, "%s has no image of that name: %w", t.path(), err)
	case errors.Is(err, layout.ErrMoreThanOneImage):
		return failf(record.ErrUsage, "%s holds several images: %w\n  fix: name one: %s:%s:NAME", t.name, err, t.transport, t.name)
	case errors.Is(err, os.ErrPermission):
		return failf(record.ErrUsage, "cannot read the image %s: %w", t.name, err)
	}
	if _, serr := os.Stat(t.path()); serr != nil {
		return failf(record.ErrNotFound, "cannot open the image: %w", serr)
	}
	if kind, _ := localKind(err); kind == record.ErrSpace {
		return fmt.Errorf("cannot unpack %s: %w", t.name, err)
	}
	return failf(record.ErrCorrupt, "%s:%s is not a readable image: %w\n  fix: make it again, e.g. with coracle save --format %s", t.transport, t.name, err, saved(t.transport))
}

// saved is how save calls a transport's form.
func saved(transport string) string {
	if transport == "dir" || transport == "oci" {
		return map[string]string{"dir": "docker-dir", "oci": "oci-dir"}[transport]
	}
	return transport
}
