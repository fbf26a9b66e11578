//go:build containers_image_openpgp

package commit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"

	"coracle/storage/engine/imageconf"
)

func TestName(t *testing.T) {
	for word, want := range map[string]string{
		"img": "localhost/img:latest", "img:1": "localhost/img:1", "me/img": "localhost/me/img:latest", "localhost/img": "localhost/img:latest",
		"quay.io/me/img:2": "quay.io/me/img:2", "host:5000/img": "host:5000/img:latest", "docker.io/library/x": "docker.io/library/x:latest",
	} {
		if got, err := Name(word); got != want || err != nil {
			t.Errorf("%s: %q, %v", word, got, err)
		}
	}
	for _, bad := range []string{"", "UPPER", "a b", "img@sha256:" + digest.FromString("x").Encoded(), "-x", "a//b"} {
		if got, err := Name(bad); err == nil {
			t.Errorf("%q is %q", bad, got)
		}
	}
}

func TestImage(t *testing.T) {
	base := &imageconf.Image{}
	base.Author, base.RootFS.DiffIDs, base.History = "old", []digest.Digest{digest.FromString("1")}, make([]imgspec.History, 2, 10)
	at := time.Unix(1_000_000_000, 0)
	p := Params{Base: base, Author: "Ana", Message: "why", By: "sh", Created: at, Changes: []string{"ENV A=1"}}
	got, err := p.image()
	if err != nil {
		t.Fatal(err)
	}
	if got.Author != "Ana" || got.Comment != "why" || !got.Created.Equal(at) || len(got.History) != 3 || len(got.RootFS.DiffIDs) != 1 || len(got.Config.Env) != 1 {
		t.Errorf("%+v", got)
	}
	if got.History[2].CreatedBy == "" || got.History[2].Comment != "why" || got.History[2].EmptyLayer {
		t.Errorf("%+v", got.History[2])
	}
	if len(base.History) != 2 || base.Author != "old" {
		t.Error("the image beneath was changed")
	}
	p.Squash = true
	if got, err := p.image(); err != nil || len(got.History) != 1 || len(got.RootFS.DiffIDs) != 0 {
		t.Errorf("squashed: %+v, %v", got, err)
	}
	p.Changes = []string{"RUN x"}
	if _, err := p.image(); !errors.Is(err, imageconf.ErrChange) {
		t.Error(err)
	}
}

func TestManifest(t *testing.T) {
	for docker, want := range map[bool]string{false: imgspec.MediaTypeImageManifest, true: manifest.DockerV2Schema2MediaType} {
		layers := []imgspec.Descriptor{{MediaType: layerType(docker), Digest: digest.FromString("l"), Size: 7}}
		data, mime, err := manifestOf([]byte("{}"), layers, docker)
		if err != nil || mime != want || manifest.GuessMIMEType(data) != want {
			t.Errorf("%v: %s, %v", docker, mime, err)
		}
		m, err := manifest.FromBlob(data, mime)
		if err != nil || m.ConfigInfo().Digest != digest.FromString("{}") || len(m.LayerInfos()) != 1 || m.LayerInfos()[0].Size != 7 {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestSpool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "layer")
	p := Params{Layer: func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "layer"); return err }}
	b, err := p.spool(t.Context(), path)
	if err != nil || b.size != 5 || b.digest != digest.FromString("layer") {
		t.Fatalf("%+v, %v", b, err)
	}
	src := &source{config: json.RawMessage("{}"), layer: b}
	for want, info := range map[string]types.BlobInfo{"layer": {Digest: b.digest}, "{}": {Digest: digest.FromString("{}")}} {
		r, size, err := src.GetBlob(t.Context(), info, nil)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		r.Close()
		if string(data) != want || size != int64(len(want)) {
			t.Errorf("%q, %d", data, size)
		}
	}
	if _, _, err := src.GetBlob(t.Context(), types.BlobInfo{Digest: digest.FromString("else")}, nil); err == nil {
		t.Error("a blob that is not there")
	}
	failing := errors.New("no")
	p.Layer = func(context.Context, io.Writer) error { return failing }
	if _, err := p.spool(t.Context(), path+"2"); !errors.Is(err, failing) {
		t.Error(err)
	}
	if _, err := p.spool(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Error(err)
	}
}
