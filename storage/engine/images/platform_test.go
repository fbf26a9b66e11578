//go:build containers_image_openpgp

package images

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/storage"

	"coracle/storage/record"
)

func TestForPlatform(t *testing.T) {
	w := newWorld(t)
	list := []byte(`{"schemaVersion":2,"manifests":[]}`)
	var imgs []*storage.Image
	for _, p := range []imgspec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64", Variant: "v8"}} {
		img := w.put(made{}, time.Unix(1, 0), imgspec.Image{Platform: p})
		d := digest.FromBytes(list)
		check(t, w.s.SetImageBigData(img.ID, storage.ImageDigestManifestBigDataNamePrefix+"-"+d.String(), list, func([]byte) (digest.Digest, error) { return d, nil }))
		img, err := w.s.Image(img.ID)
		check(t, err)
		imgs = append(imgs, img)
	}
	alone := w.put(made{}, time.Unix(1, 0), imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: "riscv64"}})
	for want, i := range map[string]int{"": 0, "linux/amd64": 0, "amd64": 0, "linux/arm64": 1, "linux/arm64/v8": 1} {
		got, err := ForPlatform(w.s, imgs[0], want)
		if err != nil || got.ID != imgs[i].ID {
			t.Errorf("%q: %v, %v", want, got, err)
		}
	}
	for want, problem := range map[string]error{
		"linux/riscv64": record.ErrPlatform, "linux/arm64/v7": record.ErrPlatform, "windows/amd64": record.ErrUsage, "a b": record.ErrUsage,
	} {
		if got, err := ForPlatform(w.s, imgs[0], want); !errors.Is(err, problem) {
			t.Errorf("%q: %v, %v", want, got, err)
		}
	}
	if _, err := ForPlatform(w.s, alone, "linux/amd64"); !errors.Is(err, record.ErrPlatform) || !strings.Contains(err.Error(), "is for linux/riscv64, and none for linux/amd64") {
		t.Error(err)
	}
}
