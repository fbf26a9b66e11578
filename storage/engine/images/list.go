//go:build containers_image_openpgp

package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// List reads the images of the store. known, which may be nil, is an older
// catalog: what it says of an image's content needs no second look, since the id
// is a digest of it.
func List(ctx context.Context, s *engine.Store, known *record.Catalog) (*record.Catalog, error) {
	tokens, err := s.Tokens() // before anything is read: see storage/engine/tokens.go
	if err != nil {
		return nil, err
	}
	// Layers do not change under an image: see record.Catalog.
	tokens = slices.DeleteFunc(tokens, func(t record.Token) bool { return t.Kind == record.Soft })
	all, err := s.Images()
	if err != nil {
		return nil, fmt.Errorf("cannot list the images in %s: %w", s.GraphRoot(), err)
	}
	layers, err := layersByID(s)
	if err != nil {
		return nil, err
	}
	before := make(map[string]*record.Entry)
	if known != nil {
		for i := range known.Images {
			before[known.Images[i].ID] = &known.Images[i]
		}
	}
	c := &record.Catalog{Tokens: tokens, Images: make([]record.Entry, 0, len(all))}
	for i := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		img := &all[i]
		if _, twice := layers.seen[img.ID]; twice { // of the own store and an additional one the own counts
			continue
		}
		layers.seen[img.ID] = struct{}{}
		e := entry(img)
		e.Size = layers.size(img)
		if old := before[img.ID]; old != nil && old.Platform != "" {
			e.Platform, e.Labels, e.Chain = old.Platform, old.Labels, old.Chain
		} else if content, err := read(s, img); err == nil { // what cannot be read is listed all the same
			e.Platform, e.Labels, e.Chain = platform(&content.Config.Image), content.Config.Config.Labels, chain(content)
		}
		c.Images = append(c.Images, e)
	}
	parents(c.Images)
	return c, nil
}

func entry(img *storage.Image) record.Entry {
	e := record.Entry{
		ID: img.ID, Names: img.Names, History: img.NamesHistory, Digest: img.Digest.String(),
		Created: img.Created.UTC(), Layer: img.TopLayer, ReadOnly: img.ReadOnly,
	}
	for _, d := range img.Digests {
		e.Digests = append(e.Digests, d.String())
	}
	return e
}

// layerSet is the layers of the store, for a walk through all images.
type layerSet struct {
	byID map[string]*storage.Layer
	seen map[string]struct{}
}

func layersByID(s *engine.Store) (*layerSet, error) {
	all, err := s.Layers()
	if err != nil {
		return nil, fmt.Errorf("cannot list the layers in %s: %w", s.GraphRoot(), err)
	}
	set := &layerSet{byID: make(map[string]*storage.Layer, len(all)), seen: make(map[string]struct{})}
	for i := range all {
		if set.byID[all[i].ID] == nil {
			set.byID[all[i].ID] = &all[i]
		}
	}
	return set, nil
}

// size is what podman shows: unpacked layers, manifests and configuration.
func (l *layerSet) size(img *storage.Image) (n int64) {
	for _, layer := range l.of(img) {
		n += max(layer.UncompressedSize, 0)
	}
	for _, size := range img.BigDataSizes {
		n += max(size, 0)
	}
	return n
}

// of are an image's layers, top first; what lacks or comes twice ends them.
func (l *layerSet) of(img *storage.Image) (layers []*storage.Layer) {
	for id := img.TopLayer; id != "" && len(layers) < record.MaxLayers; {
		layer := l.byID[id]
		if layer == nil {
			break
		}
		layers = append(layers, layer)
		id = layer.Parent
	}
	return layers
}

// chain tells the steps in which an image was made, and those without the last
// one. The image whose own steps are another's but the last is its parent.
func chain(c *Content) (own [2]string) {
	steps, diffs := c.Config.History, c.Config.RootFS.DiffIDs
	if len(steps) == 0 {
		return own
	}
	sum := func(n int, diffs []digest.Digest) string {
		h := sha256.New()
		_ = json.NewEncoder(h).Encode(struct {
			Steps any
			Diffs []digest.Digest
		}{steps[:n], diffs})
		return hex.EncodeToString(h.Sum(nil)[:16])
	}
	last := len(steps) - 1
	own[0] = sum(len(steps), diffs)
	if !steps[last].EmptyLayer && len(diffs) > 0 {
		diffs = diffs[:len(diffs)-1]
	}
	if last > 0 {
		own[1] = sum(last, diffs)
	}
	return own
}

// parents finds the image that each was built on, as podman does.
func parents(all []record.Entry) {
	byChain := make(map[string]*record.Entry, len(all))
	for i := range all {
		if e := &all[i]; e.Chain[0] != "" {
			byChain[e.Chain[0]] = e
		}
	}
	for i := range all {
		e := &all[i]
		p := byChain[e.Chain[1]]
		if e.Chain[1] == "" || p == nil || p == e {
			continue
		}
		e.Parent = p.ID
		if len(p.Names) == 0 {
			p.Intermediate = true
		}
	}
}
