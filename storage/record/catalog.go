package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Catalog is the list of a store's images, with all that `coracle images`
// shows and filters by. The engine writes it down when it has read the store;
// while its tokens hold, the light program prints it without starting the
// engine. For 1,000 images that is the difference between 10 and 90 ms:
// containers/storage reads 2 MB of JSON, and labels and platforms are in two more
// files for each image.
type Catalog struct {
	Images []Entry
	// Tokens: the last writers of each store's images.lock and the configuration
	// that says which stores these are. Those of layers.lock do not count: an
	// image's layers never change, and it loses none without a write to its own.
	Tokens []Token
}

// An Entry is one image of a [Catalog].
type Entry struct {
	ID      string   // 64 hexadecimal digits
	Names   []string // fully qualified
	History []string // names it had, newest first
	Digest  string   // of its manifest
	Digests []string // those of all its manifests
	Created time.Time
	Size    int64  // bytes: unpacked layers, manifest and configuration
	Parent  string // id of the image that it was built on, empty when not known
	// Layer is the id of its top layer in the store, empty when it has none.
	Layer string
	// Platform is os/arch[/variant], empty when its configuration cannot be read.
	Platform string
	Labels   map[string]string
	// Chain stands for the steps in which the image was made, and for those
	// without the last one; empty without a history.
	Chain [2]string
	// ReadOnly says that it lies in an additional store.
	ReadOnly bool
	// Intermediate says that it has no name and that other images are built on it.
	Intermediate bool
}

// Dangling says that nothing leads to the image but its id.
func (e *Entry) Dangling() bool { return len(e.Names) == 0 }

// CatalogPath is the file of the catalog of the store that a user's environment
// leads to. data is storage.Paths.Data, uid the user's effective id outside of
// the base user namespace.
func CatalogPath(data string, uid int, getenv func(string) string) string {
	q := Query{UID: uid, Env: getenv}
	sum := sha256.Sum256([]byte(catalogMagic + q.Key()))
	return filepath.Join(data, "catalogs", hex.EncodeToString(sum[:]))
}

// LoadCatalog reads the catalog at path. A missing file is os.ErrNotExist,
// anything unreadable [ErrDamaged].
func LoadCatalog(path string) (*Catalog, error) {
	data, err := readBounded(path, maxCatalog)
	if err != nil {
		return nil, err
	}
	return DecodeCatalog(data)
}

// Save writes c to path, in one rename, creating the directory. What a killed
// writer leaves the next one overwrites; two at once may spoil each other's file,
// which the check sum tells.
func (c *Catalog) Save(path string) error {
	data, err := c.Encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot save the list of images: %w", err)
	}
	unfinished := path + ".new"
	if err = os.WriteFile(unfinished, data, 0o600); err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		_ = os.Remove(unfinished) // on a full disk it takes what is left
		return fmt.Errorf("cannot save the list of images: %w", err)
	}
	return nil
}

// Stale says why c no longer holds, or "" when it does.
func (c *Catalog) Stale() string {
	if len(c.Tokens) == 0 {
		return "it names no file that would tell of a change"
	}
	for _, t := range c.Tokens {
		if !t.same() {
			return t.Path + " changed"
		}
	}
	return ""
}

func (e *Entry) check() error {
	for _, id := range []string{e.ID, e.Parent} {
		if !isHex(id, 64) && (id != "" || id == e.ID) {
			return fmt.Errorf("image id %q is not 64 hexadecimal digits", id)
		}
	}
	return nil
}
