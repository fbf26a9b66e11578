//go:build containers_image_openpgp

package transfer

import (
	"fmt"
	"io"
	"maps"
	"strings"

	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/pkg/compression"
	"go.podman.io/image/v5/types"
)

// A Compression is how layers are to be compressed where they are.
type Compression struct {
	Algorithm *compression.Algorithm // nil: gzip
	Level     *int                   // nil: the algorithm's own
	// Force recompresses layers that the destination has in another form.
	Force bool
}

// ParseCompression reads a name of --compression-format; empty is none. A level
// that the algorithm does not have is an error.
func ParseCompression(name string, level *int, force *bool) (Compression, error) {
	c := Compression{Level: level}
	limits := map[string][2]int{"gzip": {0, 9}, "zstd": {1, 20}, "zstd:chunked": {1, 20}}
	limit, ok := limits[name]
	if name == "" {
		limit, ok = limits["gzip"], true
	}
	if !ok {
		return c, fmt.Errorf("--compression-format %q is none of gzip, zstd, zstd:chunked", name)
	}
	if level != nil && (*level < limit[0] || *level > limit[1]) {
		return c, fmt.Errorf("--compression-level %d: %s has levels %d to %d", *level, c.named(name), limit[0], limit[1])
	}
	if name != "" {
		a, err := compression.AlgorithmByName(name)
		if err != nil {
			return c, err
		}
		c.Algorithm, c.Force = &a, true // as podman: who names a format wants it
	}
	if force != nil {
		c.Force = *force
	}
	return c, nil
}

func (Compression) named(name string) string {
	if name == "" {
		return "gzip"
	}
	return name
}

// algorithm is the one that layers get.
func (c Compression) algorithm() compression.Algorithm {
	if c.Algorithm == nil {
		return compression.Gzip
	}
	return *c.Algorithm
}

// onlyOCI reports whether an algorithm cannot be written down in docker's
// manifests.
func onlyOCI(name string) bool { return name != compression.Gzip.Name() }

// chunked are the annotations of zstd:chunked layers; they speak of one
// compressed form and no other.
const chunked = "io.github.containers.zstd-chunked."

// algorithmOf is how a layer of a manifest is compressed, "" when it is not or
// in a way we do not know.
func algorithmOf(info types.BlobInfo) string {
	for key := range info.Annotations {
		if strings.HasPrefix(key, chunked) && strings.HasSuffix(info.MediaType, "+zstd") {
			return compression.ZstdChunked.Name()
		}
	}
	switch {
	case strings.HasSuffix(info.MediaType, "+zstd"):
		return compression.Zstd.Name()
	case strings.HasSuffix(info.MediaType, "+gzip"), info.MediaType == manifest.DockerV2Schema2LayerMediaType,
		info.MediaType == manifest.DockerV2Schema2ForeignLayerMediaTypeGzip:
		return compression.Gzip.Name()
	}
	return ""
}

// accepts reports whether a layer compressed so is good enough.
func (c Compression) accepts(name string, oci bool) bool {
	return name != "" && (oci || !onlyOCI(name)) && (!c.Force || name == c.algorithm().Name())
}

// withoutForm are a layer's annotations that do not depend on how it is compressed.
func withoutForm(annotations map[string]string) map[string]string {
	kept := maps.Clone(annotations)
	maps.DeleteFunc(kept, func(key, _ string) bool { return strings.HasPrefix(key, chunked) })
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// compressed is a stream while it is compressed, on other processors.
type compressed struct {
	*io.PipeReader
	// annotations of the form; complete at the end of the stream.
	annotations map[string]string
	done        chan struct{}
}

func (c Compression) compress(in io.Reader) *compressed {
	r, w := io.Pipe()
	z := &compressed{PipeReader: r, annotations: make(map[string]string), done: make(chan struct{})}
	go func() {
		defer close(z.done)
		out, err := compression.CompressStreamWithMetadata(w, z.annotations, c.algorithm(), c.Level)
		if err != nil {
			w.CloseWithError(err)
			return
		}
		if _, err = io.Copy(out, in); err != nil {
			// First, so that the end of the compressed stream is not taken for good.
			w.CloseWithError(err)
			out.Close()
			return
		}
		w.CloseWithError(out.Close())
	}()
	return z
}

// Close waits until the input is not read any more.
func (z *compressed) Close() error {
	z.PipeReader.Close()
	<-z.done
	return nil
}
