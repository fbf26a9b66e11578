//go:build containers_image_openpgp

package transfer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/blobinfocache/memory"
	"go.podman.io/image/v5/types"
)

// A Cache remembers in which compressed forms a layer has left, and which
// repositories have them: a small file per layer, named for its diff id. Losing
// it costs a compression and an upload, nothing else; so its errors are none.
type Cache struct {
	// Dir is where the files are; made when it is not there. Empty: nothing is
	// remembered.
	Dir string

	once    sync.Once
	library types.BlobInfoCache
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
	return all
}

// store adds a form of a layer; repository, if not empty, has it.
func (c *Cache) store(diffID digest.Digest, v variant, repository string) {
	if c.Dir == "" {
		return
	}
	all := c.load(diffID)
	for _, old := range all {
		if old.Digest == v.Digest {
			v.Places = old.Places
		}
	}
	if repository != "" {
		v.Places = slices.DeleteFunc(slices.Clone(v.Places), func(p string) bool { return p == repository })
		v.Places = slices.Insert(v.Places, 0, repository)
	}
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

// blobs is the cache that the library asks during one push: of repositories, to
// mount blobs from (distribution-spec, "Mounting a blob from another repository").
func (c *Cache) blobs() types.BlobInfoCache {
	c.once.Do(func() { c.library = memory.New() })
	return c.library
}

// tell tells the library's cache of repositories that have a form of a layer.
func (c *Cache) tell(d digest.Digest, algorithm string, repositories []string) {
	for _, r := range repositories {
		named, err := reference.ParseNormalizedNamed(r)
		if err != nil {
			continue
		}
		c.blobs().RecordKnownLocation(docker.Transport, types.BICTransportScope{Opaque: reference.Domain(named)}, d, types.BICLocationReference{Opaque: named.Name()})
	}
	// It speaks of no blob whose compression it does not know, and the type of what
	// says that is not exported. Without this, blobs are uploaded, not mounted;
	// a script test would see it.
	record := reflect.ValueOf(c.blobs()).MethodByName("RecordDigestCompressorData")
	if !record.IsValid() || record.Type().NumIn() != 2 {
		return
	}
	data := reflect.New(record.Type().In(1)).Elem()
	base, _, _ := strings.Cut(algorithm, ":")
	for field, value := range map[string]string{"BaseVariantCompressor": base, "SpecificVariantCompressor": "unknown"} {
		f := data.FieldByName(field)
		if !f.IsValid() || f.Kind() != reflect.String {
			return
		}
		f.SetString(value)
	}
	record.Call([]reflect.Value{reflect.ValueOf(d), data})
}
