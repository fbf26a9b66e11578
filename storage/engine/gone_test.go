//go:build containers_image_openpgp

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/storage"
	"coracle/storage/record"

	cstorage "go.podman.io/storage"
	"go.podman.io/storage/pkg/reexec"
	"go.podman.io/storage/types"
)

// layerRemover is the name under which this program removes a layer as podman does
// with the layers of an image that it removes: it knows nothing of our gate.
const layerRemover = "remove-layer"

func removeLayer(id string) int {
	if reexec.Init() {
		return 0
	}
	options, err := types.DefaultStoreOptions()
	if err == nil {
		var store cstorage.Store
		if store, err = cstorage.GetStore(options); err == nil {
			err = store.DeleteLayer(id)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestLayerGone has a layer of a pull removed when all of them are in the store
// and the image is not. The gate keeps the pull waiting there.
func TestLayerGone(t *testing.T) {
	w := newWorld(t)
	ref := layoutIn(w, "img", twoLayers(), "app")
	data := w.dir(".local", "share", "coracle")
	w.file("", ".local", "share", "coracle", "images.lock")
	gate, err := storage.Gate{Data: data}.Remove()
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	wait := w.begin(w.engineCmd("resolve", record.Request{Ref: ref}))
	top := ""
	for range 5000 {
		// The file says so when the layer is whole.
		links, _ := filepath.Glob(filepath.Join(w.home, ".local/share/containers/storage/overlay-layers/*.tar-split.gz"))
		b, _ := os.ReadFile(filepath.Join(w.home, ".local/share/containers/storage/overlay-layers/layers.json"))
		if len(links) == 2 && strings.Count(string(b), `"id":`) == 2 && !strings.Contains(string(b), "incomplete") {
			_, rest, _ := strings.Cut(string(b)[strings.LastIndex(string(b), `"id":`):], `:"`)
			top, _, _ = strings.Cut(rest, `"`)
			break
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	}
	run1(t, w.inB("/proc/self/exe", layerRemover, top))
	gate.Close()
	a, err := wait()
	if err != nil {
		t.Fatalf("%v\n%s", err, &w.stderr)
	}
	checkTree(t, w, a.Record)
}
