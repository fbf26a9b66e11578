//go:build containers_image_openpgp

package images

import (
	"slices"

	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// Node is a layer in a tree of layers.
type Node struct {
	ID     string // in the store
	Size   int64  // bytes, unpacked
	Images []string
	// Images are the names of the images whose topmost layer this is, or the
	// beginnings of the ids of those without names.
	Children []*Node
}

// Layers is an image's layers, the lowest first, each with the images that end
// there: those share it and all below.
func Layers(s *engine.Store, img *storage.Image, all *record.Catalog) ([]*Node, error) {
	set, err := layersByID(s)
	if err != nil {
		return nil, err
	}
	tops := topLayers(all)
	var nodes []*Node
	for _, layer := range set.of(img) {
		nodes = append(nodes, node(layer, tops))
	}
	slices.Reverse(nodes)
	return nodes, nil
}

// Dependents is an image's topmost layer with all that is built on it.
func Dependents(s *engine.Store, img *storage.Image, all *record.Catalog) (*Node, error) {
	set, err := layersByID(s)
	if err != nil || set.byID[img.TopLayer] == nil {
		return nil, err
	}
	children := make(map[string][]*storage.Layer)
	for _, layer := range set.byID {
		children[layer.Parent] = append(children[layer.Parent], layer)
	}
	tops := topLayers(all)
	root := node(set.byID[img.TopLayer], tops)
	// A list of what is still to be done, not a call in a call: how deep layers
	// lie is for the store's file to say.
	seen := map[string]bool{root.ID: true}
	for todo := []*Node{root}; len(todo) > 0; todo = todo[1:] {
		for _, layer := range children[todo[0].ID] {
			if seen[layer.ID] {
				continue
			}
			seen[layer.ID] = true
			child := node(layer, tops)
			todo[0].Children = append(todo[0].Children, child)
			todo = append(todo, child)
		}
		slices.SortFunc(todo[0].Children, func(a, b *Node) int { return compareFirst(a, b) })
	}
	return root, nil
}

func compareFirst(a, b *Node) int {
	if d := slices.Compare(a.Images, b.Images); d != 0 {
		return d
	}
	return slices.Compare([]string{a.ID}, []string{b.ID})
}

func node(layer *storage.Layer, tops map[string][]string) *Node {
	return &Node{ID: layer.ID, Size: max(layer.UncompressedSize, 0), Images: tops[layer.ID]}
}

func topLayers(all *record.Catalog) map[string][]string {
	tops := make(map[string][]string)
	for i := range all.Images {
		e := &all.Images[i]
		if e.Layer == "" {
			continue
		}
		if len(e.Names) == 0 {
			tops[e.Layer] = append(tops[e.Layer], e.ID[:12])
		}
		tops[e.Layer] = append(tops[e.Layer], e.Names...)
	}
	return tops
}
