//go:build containers_image_openpgp

package images

import (
	"time"

	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/record"
)

// Step is a line of an image's history, the last step first.
type Step struct {
	ID        string // of the image that this step made, if it is in the store
	Created   time.Time
	CreatedBy string
	Comment   string
	Size      int64    // bytes, unpacked
	Tags      []string // of that image
}

// History tells how an image was made, as far as its configuration says, and what
// of it lies in layers. Layers that the history does not speak of come first. all
// tells which other images it went through.
func History(s *engine.Store, img *storage.Image, all *record.Catalog) ([]Step, error) {
	content, err := Read(s, img)
	if err != nil {
		return nil, err
	}
	set, err := layersByID(s)
	if err != nil {
		return nil, err
	}
	layers := set.of(img)
	var steps []Step
	next := func(step *Step) {
		if len(layers) > 0 {
			step.Size = max(layers[0].UncompressedSize, 0)
			layers = layers[1:]
		}
	}
	history := content.Config.History
	made := 0
	for _, h := range history {
		if !h.EmptyLayer {
			made++
		}
	}
	for len(layers) > made {
		var step Step
		next(&step)
		steps = append(steps, step)
	}
	for i := len(history) - 1; i >= 0; i-- {
		h := history[i]
		step := Step{CreatedBy: h.CreatedBy, Comment: h.Comment}
		if h.Created != nil {
			step.Created = h.Created.UTC()
		}
		if !h.EmptyLayer {
			next(&step)
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		steps = []Step{{Created: img.Created}}
	}
	ancestors(img.ID, steps, all)
	return steps, nil
}

// ancestors names the images that the steps made. They are known by their parents,
// of whom each has one step less.
func ancestors(id string, steps []Step, all *record.Catalog) {
	at := make(map[string]*record.Entry, len(all.Images))
	for i := range all.Images {
		at[all.Images[i].ID] = &all.Images[i]
	}
	for i := range steps {
		e := at[id]
		if e == nil {
			return
		}
		steps[i].ID, steps[i].Tags = id, e.Names
		id = e.Parent
	}
}
