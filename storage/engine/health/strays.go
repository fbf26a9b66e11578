//go:build containers_image_openpgp

package health

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coracle/storage"
)

// layerStrays finds garbage among the layers. Names that containers/storage does
// not make are not judged.
func (g graph) layerStrays(known map[string]entry) ([]stray, error) {
	dir := filepath.Join(g.root, g.driver+"-layers")
	all, err := temporary(dir)(nil)
	names, e := list(dir)
	err = errors.Join(err, e)
	for _, name := range names {
		id := strings.TrimSuffix(name, ".tar-split.gz")
		if !storage.ValidID(id) {
			continue
		}
		layer, ok := known[id]
		switch {
		case !ok:
			all = append(all, stray{path: filepath.Join(dir, name), what: "belongs to no layer"})
		case id == name:
			all = append(all, itemStrays(filepath.Join(dir, name), layer)...)
		}
	}
	names, e = list(filepath.Join(g.root, g.driver))
	err = errors.Join(err, e)
	for _, name := range names {
		if _, ok := known[name]; !ok && storage.ValidID(name) {
			all = append(all, stray{path: filepath.Join(g.root, g.driver, name), what: "directory of no layer"})
		}
	}
	return slices.Concat(all, g.linkStrays(known), g.lostLinks(known)), err
}

// shortName is what containers/storage calls a layer in overlay/l: 26 characters,
// of capital letters and digits.
const shortName = 26

// lostLinks finds layers whose short name is not there. Older programs that share
// the store mount by it.
func (g graph) lostLinks(known map[string]entry) (all []stray) {
	for id := range known {
		name, err := os.ReadFile(filepath.Join(g.root, g.driver, id, "link"))
		if err != nil || len(name) != shortName || strings.ContainsAny(string(name), "/.") {
			continue
		}
		path := filepath.Join(g.root, g.driver, "l", string(name))
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			all = append(all, stray{path: path, what: "short name of a layer is missing", target: "../" + id + "/diff"})
		}
	}
	return all
}

// linkStrays finds short names of layers that do not have them: overlay/<id>/link
// holds the name of the link in overlay/l, which is made first.
func (g graph) linkStrays(known map[string]entry) (all []stray) {
	dir := filepath.Join(g.root, g.driver, "l")
	names, _ := list(dir)
	for _, name := range names {
		path := filepath.Join(dir, name)
		target, err := os.Readlink(path)
		if err != nil {
			continue
		}
		id := filepath.Base(filepath.Dir(target))
		_, ok := known[id]
		if written, err := os.ReadFile(filepath.Join(g.root, g.driver, id, "link")); ok && err == nil && string(written) == name {
			continue
		} else if ok && err != nil && !errors.Is(err, os.ErrNotExist) {
			continue
		}
		all = append(all, stray{path: path, what: "short name of no layer"})
	}
	return all
}

// imageStrays finds garbage among the images' data.
func (g graph) imageStrays(known map[string]entry) ([]stray, error) {
	dir := filepath.Join(g.root, g.driver+"-images")
	all, err := temporary(dir)(nil)
	names, e := list(dir)
	for _, name := range names {
		if !storage.ValidID(name) {
			continue
		}
		if image, ok := known[name]; ok {
			all = append(all, itemStrays(filepath.Join(dir, name), image)...)
		} else {
			all = append(all, stray{path: filepath.Join(dir, name), what: "data of no image"})
		}
	}
	return all, errors.Join(err, e)
}

// itemStrays finds data items that were written, but not noted.
func itemStrays(dir string, of entry) (all []stray) {
	wanted := map[string]bool{}
	for _, key := range of.Items {
		for _, name := range itemFiles(key) {
			wanted[name] = true
		}
	}
	names, _ := list(dir)
	for _, name := range names {
		if !wanted[name] {
			all = append(all, stray{path: filepath.Join(dir, name), what: "unfinished data"})
		}
	}
	return all
}
