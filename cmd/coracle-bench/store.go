package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"coracle/storage"
)

// Store is a start of coracle with as many images and stopped containers.
type Store struct {
	Size int     `json:"size"`
	Warm Summary `json:"warm"`
	// Asked is a start that has to ask the image engine, as the first one after
	// any program changed the store.
	Asked Summary `json:"engine_asked"`
}

// fill brings coracle's store and directory of containers in w, which holds the
// one image, to n images and n stopped containers.
func fill(w *world, n int) error {
	if err := multiplyImages(w.data("containers", "storage", "overlay-images"), n); err != nil {
		return fmt.Errorf("cannot fill the image store: %w", err)
	}
	containers := storage.Containers{Data: w.data("coracle")}
	for range n {
		d, err := containers.Create(storage.Params{Keep: true})
		if err != nil {
			return err
		}
		d.Lock.Close()
	}
	return nil
}

// multiplyImages adds images to a store of containers/storage as a thousand
// pulls would, in a moment instead of minutes: entries in images.json and a
// directory each. They share the layers of the first one, as tags do.
func multiplyImages(dir string, n int) error {
	file := filepath.Join(dir, "images.json")
	var images []map[string]json.RawMessage
	if err := readJSON(file, &images); err != nil {
		return err
	}
	if len(images) == 0 {
		return fmt.Errorf("%s names no image", file)
	}
	var first string
	if err := json.Unmarshal(images[0]["id"], &first); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for i := len(images); i < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "coracle-bench %d", i))
		id := hex.EncodeToString(sum[:])
		image := make(map[string]json.RawMessage, len(images[0]))
		for key, value := range images[0] {
			image[key] = value
		}
		name := fmt.Sprintf("[%q]", "localhost/coracle-bench-more:"+fmt.Sprint(i))
		image["id"], image["names"], image["names-history"] = json.RawMessage(`"`+id+`"`), json.RawMessage(name), json.RawMessage(name)
		images = append(images, image)
		if err := linkFiles(filepath.Join(dir, first), filepath.Join(dir, id)); err != nil {
			return err
		}
	}
	if err := writeJSON(file+".new", images); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// linkFiles makes a directory of links to the files of another.
func linkFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// forget removes coracle's records of images: the next start asks the engine.
func forget(w *world) error { return os.RemoveAll(w.data("coracle", "records")) }

// importArgs makes a coracle command that takes the image into the store.
func importArgs(p peer, layout string) []string {
	argv := p.argv("", trueCommand()...)
	for i, arg := range argv {
		if arg == imageName {
			argv[i] = "oci:" + layout + ":" + imageName
		}
	}
	return argv
}

// measureStores starts coracle in worlds that differ only in how full they are.
func (b *bench) measureStores(ctx context.Context, n int, sizes []int) ([]Store, error) {
	var worlds []*world
	for _, size := range sizes {
		w := b.world.sub(fmt.Sprintf("store-%d", size))
		if err := w.prepare(); err != nil {
			return nil, err
		}
		if _, err := b.sampler.run(w, importArgs(b.coracle(), b.layout)); err != nil {
			return nil, err
		}
		if err := fill(w, size); err != nil {
			return nil, err
		}
		worlds = append(worlds, w)
	}
	take := func(before func(*world) error) []entry {
		var entries []entry
		for i, w := range worlds {
			entries = append(entries, entry{fmt.Sprint(sizes[i]), func() (sample, error) {
				if err := before(w); err != nil {
					return sample{}, err
				}
				return b.sampler.run(w, b.coracle().argv("", trueCommand()...))
			}})
		}
		return entries
	}
	// The engine comes first: it leaves the records that warm starts find.
	asked, err := rounds(ctx, max(2, n/5), take(forget))
	if err != nil {
		return nil, err
	}
	warm, err := rounds(ctx, n, take(func(*world) error { return nil }))
	if err != nil {
		return nil, err
	}
	var stores []Store
	for i, size := range sizes {
		if err := firstError(asked[i].err, warm[i].err); err != nil {
			b.note("start with %d images and containers: %s", size, oneLine(err))
			continue
		}
		stores = append(stores, Store{size, summarize(warm[i].samples), summarize(asked[i].samples)})
	}
	return stores, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
