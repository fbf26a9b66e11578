package record

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// MaxSize bounds an encoded record, in bytes. Real ones have 2 to 20 kB; the
// bound keeps a hostile or damaged file from costing memory.
const MaxSize = 1 << 20

// MaxLayers is the most lower directories overlayfs stacks (OVL_MAX_STACK in
// fs/overlayfs/params.h, Linux 4.19 and later).
const MaxLayers = 500

// A Record is the answer to "which image is this reference, and where does it
// lie": everything a launch needs of the image store.
type Record struct {
	Ref      string   // as asked for
	ID       string   // image id, 64 hexadecimal digits
	Names    []string // fully qualified names the store has for it
	Digest   string   // of the image's manifest, "sha256:…"
	Platform string   // "os/arch" or "os/arch/variant"
	Size     int64    // unpacked bytes, -1 when unknown

	// MaxUID and MaxGID are the highest owner ids in the layers, as the image
	// numbers them; valid when HasIDs.
	MaxUID, MaxGID uint32
	HasIDs         bool

	Config Config
	// Raw is the image's whole configuration, the JSON that its id is the digest
	// of. A launch does not parse it (inspect and health checks do); nil when it
	// is larger than 256 kB.
	Raw json.RawMessage `json:",omitempty"`

	// Dir is the store's overlay directory: the one to change to before
	// mounting, so that Layers stay short enough for mount(2)'s one page.
	Dir string
	// Layers are the lower directories, top first; empty for an image without
	// layers.
	Layers []Layer

	Tokens []Token
}

// maxRaw bounds Record.Raw, in bytes.
const maxRaw = 256 << 10

// A Layer is one lower directory, by two names.
type Layer struct {
	Link string // "l/ABC…" relative to Record.Dir, or absolute
	Diff string // the directory itself, absolute
}

// Config is the part of an image's configuration that a launch reads. The
// fields mean what image-spec/config.md says of their namesakes; a nil list
// and an empty one are the same.
type Config struct {
	User         string            `json:",omitempty"`
	Env          []string          `json:",omitempty"` // KEY=value
	Entrypoint   []string          `json:",omitempty"`
	Cmd          []string          `json:",omitempty"`
	WorkingDir   string            `json:",omitempty"`
	StopSignal   string            `json:",omitempty"`
	Labels       map[string]string `json:",omitempty"`
	Volumes      []string          `json:",omitempty"` // sorted
	ExposedPorts []string          `json:",omitempty"` // "80/tcp", sorted
}

// check reports what makes r unusable. Records come from a file that anybody
// with the user's id may have written, so what later becomes a mount option or
// a path is looked at here, once.
func (r *Record) check() error {
	if !isHex(r.ID, 64) {
		return fmt.Errorf("image id %q is not 64 hexadecimal digits", r.ID)
	}
	if len(r.Layers) > MaxLayers {
		return fmt.Errorf("%d layers, overlayfs stacks at most %d", len(r.Layers), MaxLayers)
	}
	if !cleanAbs(r.Dir) {
		return fmt.Errorf("directory %q is not a clean absolute path", r.Dir)
	}
	for _, l := range r.Layers {
		if !cleanAbs(l.Diff) {
			return fmt.Errorf("layer directory %q is not a clean absolute path", l.Diff)
		}
		if !cleanAbs(l.Link) && !cleanRel(l.Link) {
			return fmt.Errorf("layer link %q leaves the store", l.Link)
		}
	}
	return nil
}

// cleanRel also refuses the characters that overlayfs gives a meaning in its
// lowerdir option; containers/storage never makes such links. An absolute path
// may hold them (a user's home can be named anything): who mounts it escapes.
func cleanAbs(p string) bool {
	return len(p) > 1 && p[0] == '/' && path.Clean(p) == p && !strings.ContainsAny(p, "\x00\n")
}

func cleanRel(p string) bool {
	return p != "" && p != "." && p[0] != '/' && path.Clean(p) == p &&
		p != ".." && !strings.HasPrefix(p, "../") && !strings.ContainsAny(p, ":,\\\x00\n")
}

func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
