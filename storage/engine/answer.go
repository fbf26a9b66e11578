//go:build containers_image_openpgp

package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coracle/storage/record"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/storage"
)

// record writes down the image with the given id, which the tokens vouch for.
func (e *engine) record(id string, tokens []record.Token) (*record.Record, error) {
	r := &record.Record{Ref: e.req.Ref, Dir: filepath.Join(e.store.GraphRoot(), "overlay"), Tokens: tokens}
	img, err := e.store.Image(id)
	if err != nil {
		return nil, failf(record.ErrStore, "cannot read the image %s back from the store: %w", id, err)
	}
	config, raw, err := e.config(img)
	if err != nil {
		return nil, err
	}
	r.ID, r.Names, r.Digest = img.ID, img.Names, img.Digest.String()
	r.Platform = platformName(config.OS, config.Architecture, config.Variant)
	r.Config, r.Raw = configOf(config), raw
	return r, e.layers(r, img)
}

// config reads an image's configuration from the store.
func (e *engine) config(img *storage.Image) (*imgspec.Image, json.RawMessage, error) {
	fail := func(err error) (*imgspec.Image, json.RawMessage, error) {
		return nil, nil, failf(record.ErrStore, "cannot read the configuration of image %s: %w\n  fix: coracle system check --repair, and pull it again", img.ID, err)
	}
	blob, err := e.store.ImageBigData(img.ID, storage.ImageDigestBigDataKey)
	if err != nil {
		return fail(err)
	}
	m, err := manifest.FromBlob(blob, manifest.GuessMIMEType(blob))
	if err != nil {
		return fail(err)
	}
	info := m.ConfigInfo()
	if info.Digest == "" {
		return nil, nil, failf(record.ErrUnsupported, "image %s has docker's old manifest format (schema 1)", img.ID)
	}
	raw, err := e.store.ImageBigData(img.ID, info.Digest.String())
	if err != nil {
		return fail(err)
	}
	config := new(imgspec.Image)
	if err := json.Unmarshal(raw, config); err != nil {
		return fail(err)
	}
	return config, raw, nil
}

func configOf(i *imgspec.Image) record.Config {
	return record.Config{
		User: i.Config.User, Env: i.Config.Env, Entrypoint: i.Config.Entrypoint, Cmd: i.Config.Cmd,
		WorkingDir: i.Config.WorkingDir, StopSignal: i.Config.StopSignal, Labels: i.Config.Labels,
		Volumes:      slices.Sorted(maps.Keys(i.Config.Volumes)),
		ExposedPorts: slices.Sorted(maps.Keys(i.Config.ExposedPorts)),
	}
}

// layers walks from the top layer down.
func (e *engine) layers(r *record.Record, img *storage.Image) error {
	roots, err := e.roots()
	if err != nil {
		return err
	}
	r.HasIDs = true
	for id := img.TopLayer; id != ""; {
		layer, err := e.store.Layer(id)
		if err != nil {
			return failf(record.ErrStore, "image %s lacks its layer %s: %w\n  fix: coracle system check --repair, and pull it again", img.ID, id, err)
		}
		if len(r.Layers) >= record.MaxLayers {
			return failf(record.ErrUnsupported, "image %s has more than %d layers", img.ID, record.MaxLayers)
		}
		dirs, err := layerDirs(roots, id)
		if err != nil {
			return failf(record.ErrStore, "image %s: %w\n  fix: coracle system check --repair, and pull it again", img.ID, err)
		}
		r.Layers = append(r.Layers, dirs...)
		r.Size += max(layer.UncompressedSize, 0)
		r.HasIDs = r.HasIDs && layer.UIDs != nil && layer.GIDs != nil
		r.MaxUID, r.MaxGID = max(r.MaxUID, highest(layer.UIDs)), max(r.MaxGID, highest(layer.GIDs))
		id = layer.Parent
	}
	return nil
}

func highest(ids []uint32) uint32 {
	if len(ids) == 0 {
		return 0
	}
	return slices.Max(ids)
}

// roots are the directories that hold layers, the store's own first.
func (e *engine) roots() ([]string, error) {
	driver, err := e.store.GraphDriver()
	if err != nil {
		return nil, failf(record.ErrStore, "cannot use the image store: %w", err)
	}
	roots := []string{e.store.GraphRoot()}
	if s := e.store.ImageStore(); s != "" {
		roots = append(roots, s)
	}
	return append(roots, driver.AdditionalImageStores()...), nil
}

// layerDirs finds a layer's directories: diff and, below it, the diff1,
// diff2, … that some layers have (drivers/overlay, get). The link beside it is
// the short name under which a mount names it; a layer without a good one goes
// by its full name.
func layerDirs(roots []string, id string) ([]record.Layer, error) {
	for i, root := range roots {
		overlay := filepath.Join(root, "overlay")
		dir := filepath.Join(overlay, id)
		diff := filepath.Join(dir, "diff")
		if _, err := os.Stat(diff); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "composefs-data")); err == nil {
			return nil, fmt.Errorf("layer %s is a composefs layer, which cannot be mounted here", id)
		}
		layers := []record.Layer{{Link: shortLink(overlay, id, i == 0), Diff: diff}}
		for n := 1; ; n++ {
			more := filepath.Join(dir, fmt.Sprintf("diff%d", n))
			if _, err := os.Stat(more); err != nil {
				return layers, nil
			}
			layers = append(layers, record.Layer{Link: more, Diff: more})
		}
	}
	return nil, fmt.Errorf("the directory of layer %s is in none of %s", id, strings.Join(roots, ", "))
}

func shortLink(overlay, id string, own bool) string {
	diff := filepath.Join(overlay, id, "diff")
	name, err := os.ReadFile(filepath.Join(overlay, id, "link"))
	if err != nil || strings.ContainsAny(string(name), "/:,\\\n\x00") {
		return diff
	}
	link := filepath.Join("l", string(name))
	if to, err := os.Readlink(filepath.Join(overlay, link)); err != nil || to != filepath.Join("..", id, "diff") {
		return diff
	}
	if own {
		return link
	}
	return filepath.Join(overlay, link)
}
