//go:build containers_image_openpgp

package transfer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/types"
)

// A Cache remembers in which compressed forms a layer has left, and which
// repositories have them: a small file per layer, named for its diff id. Losing
// it costs a compression and an upload, nothing else; so its errors are none.
// It is the types.BlobInfoCache of one push.
type Cache struct {
	// Dir is where the files are; made when it is not there. Empty: nothing is
	// remembered.
	Dir string

	mu     sync.Mutex
	places map[digest.Digest][]string // this push's: host/repository by compressed digest
}

// Bounds of what is kept and read.
const (
	maxCacheFile = 64 << 10
	maxVariants  = 8
	maxPlaces    = 16
)

// A variant is a compressed form of a layer.
type variant struct {
	Digest      digest.Digest
	Size        int64
	Algorithm   string
	Annotations map[string]string `json:",omitempty"` // of zstd:chunked
	Places      []string          `json:",omitempty"` // host/repository, the latest first
}

// load returns what is known of a layer.
func (c *Cache) load(diffID digest.Digest) []variant {
	if c.Dir == "" || diffID.Validate() != nil {
		return nil
	}
	path := c.path(diffID)
	if info, err := os.Stat(path); err != nil || info.Size() > maxCacheFile {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var all []variant
	if json.Unmarshal(data, &all) != nil {
		return nil
	}
	all = slices.DeleteFunc(all, func(v variant) bool { return v.Digest.Validate() != nil || v.Size < 0 || v.Algorithm == "" })
	for _, v := range all {
		for _, p := range v.Places {
			c.place(v.Digest, p)
		}
	}
	return all
}

// store adds a form of a layer, with the places that this push has seen it in.
func (c *Cache) store(diffID digest.Digest, v variant) {
	if c.Dir == "" {
		return
	}
	all := c.load(diffID)
	c.mu.Lock()
	v.Places = slices.Clone(c.places[v.Digest])
	c.mu.Unlock()
	v.Places = v.Places[:min(len(v.Places), maxPlaces)]
	all = slices.DeleteFunc(all, func(old variant) bool { return old.Digest == v.Digest })
	all = slices.Insert(all, 0, v)
	all = all[:min(len(all), maxVariants)]
	data, err := json.Marshal(all)
	if err != nil || len(data) > maxCacheFile || os.MkdirAll(c.Dir, 0o700) != nil {
		return
	}
	tmp, err := os.CreateTemp(c.Dir, ".new-")
	if err != nil {
		return
	}
	_, err = tmp.Write(data)
	if cerr := tmp.Close(); err != nil || cerr != nil || os.Rename(tmp.Name(), c.path(diffID)) != nil {
		os.Remove(tmp.Name())
	}
}

func (c *Cache) path(diffID digest.Digest) string {
	return filepath.Join(c.Dir, diffID.Algorithm().String()+"-"+diffID.Encoded())
}

// place notes that a repository has a blob.
func (c *Cache) place(d digest.Digest, repository string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places == nil {
		c.places = make(map[digest.Digest][]string)
	}
	if !slices.Contains(c.places[d], repository) {
		c.places[d] = append(c.places[d], repository)
	}
}

// UncompressedDigest implements types.BlobInfoCache.
func (c *Cache) UncompressedDigest(digest.Digest) digest.Digest { return "" }

// RecordDigestUncompressedPair implements types.BlobInfoCache.
func (c *Cache) RecordDigestUncompressedPair(digest.Digest, digest.Digest) {}

// RecordKnownLocation implements types.BlobInfoCache; the docker transport's
// location is the repository's name.
func (c *Cache) RecordKnownLocation(transport types.ImageTransport, _ types.BICTransportScope, d digest.Digest, location types.BICLocationReference) {
	if transport.Name() == docker.Transport.Name() {
		c.place(d, location.Opaque)
	}
}

// CandidateLocations implements types.BlobInfoCache: repositories of the same
// registry that may have the blob, to mount it from (distribution-spec, mounting).
func (c *Cache) CandidateLocations(transport types.ImageTransport, scope types.BICTransportScope, d digest.Digest, _ bool) []types.BICReplacementCandidate {
	if transport.Name() != docker.Transport.Name() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []types.BICReplacementCandidate
	for _, p := range c.places[d] {
		named, err := reference.ParseNormalizedNamed(p)
		if err == nil && reference.Domain(named) == scope.Opaque && len(found) < maxPlaces {
			found = append(found, types.BICReplacementCandidate{Digest: d, Location: types.BICLocationReference{Opaque: p}})
		}
	}
	return found
}

// placeOfName notes that the repository of an image's name has a blob of its
// manifest: it came from there.
func (c *Cache) placeOfName(d digest.Digest, name string) {
	if named, err := reference.ParseNormalizedNamed(name); err == nil {
		c.place(d, named.Name())
	}
}
