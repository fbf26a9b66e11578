//go:build containers_image_openpgp

package images

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestHistory(t *testing.T) {
	w := newWorld(t)
	base, step, named := w.build()
	img, err := w.s.Image(named)
	check(t, err)
	steps, err := History(w.s, img, w.list())
	check(t, err)
	want := []Step{
		{ID: named, CreatedBy: "ENV a=b", Tags: []string{"localhost/app:1"}},
		{ID: step, CreatedBy: "two", Size: 2048},
		{ID: base, CreatedBy: "one", Size: 2048, Tags: []string{"localhost/base:1"}},
	}
	for i := range steps {
		if steps[i].Created.Year() != 2026 {
			t.Errorf("step %d: %v", i, steps[i].Created)
		}
		steps[i].Created = want[0].Created
	}
	if !reflect.DeepEqual(steps, want) {
		t.Errorf("%+v\nwant %+v", steps, want)
	}
}

// A history may speak of more layers than there are, of fewer, or of none.
func TestHistoryAndLayersDiffer(t *testing.T) {
	for _, tt := range []struct {
		steps []string
		sizes []int64
	}{
		{nil, []int64{2048}},
		{[]string{"-a"}, []int64{2048, 0}},
		{[]string{"a", "b"}, []int64{2048, 0}},
	} {
		w := newWorld(t)
		img := w.image(made{layer: w.layer("", "f", 10), steps: tt.steps})
		steps, err := History(w.s, img, w.list())
		check(t, err)
		var sizes []int64
		for _, s := range steps {
			sizes = append(sizes, s.Size)
		}
		if !reflect.DeepEqual(sizes, tt.sizes) || steps[0].ID != img.ID {
			t.Errorf("%q: %v, want %v", tt.steps, sizes, tt.sizes)
		}
	}
	w := newWorld(t)
	if steps, err := History(w.s, w.image(made{}), w.list()); err != nil || len(steps) != 1 {
		t.Errorf("without anything: %v, %v", steps, err)
	}
}

func TestInspect(t *testing.T) {
	w := newWorld(t)
	base, step, named := w.build()
	check(t, w.s.AddNames(named, []string{"quay.io/x/app:2"}))
	img, err := w.s.Image(named)
	check(t, err)
	i, err := Inspect(w.s, img, w.list())
	check(t, err)
	if i.Id != named || i.ID() != named || i.Parent != step || len(i.RepoTags) != 2 || len(i.RepoDigests) != 2 || i.Architecture != "amd64" || i.Os != "linux" ||
		i.Author != "somebody" || len(i.RootFS.Layers) != 2 || i.RootFS.Type != "layers" || len(i.History) != 3 || i.Config.Env[0] != "a=b" ||
		i.ManifestType != imgspec.MediaTypeImageManifest || i.Annotations["note"] == "" || i.Size != w.entry(named).Size || i.VirtualSize != i.Size ||
		len(i.NamesHistory) != 2 || !strings.HasSuffix(i.RepoDigests[0], "@"+img.Digest.String()) {
		t.Errorf("%+v", i)
	}
	b, err := w.s.Image(base)
	check(t, err)
	for _, dirs := range []string{i.GraphDriver.Data["UpperDir"], i.GraphDriver.Data["LowerDir"]} {
		if _, err := os.Stat(dirs); err != nil {
			t.Error(err)
		}
	}
	if lower := i.GraphDriver.Data["LowerDir"]; !strings.Contains(lower, b.TopLayer) {
		t.Errorf("LowerDir %s", lower)
	}
}

// The JSON has the keys that clients read (podman's and docker's).
func TestInspectJSON(t *testing.T) {
	w := newWorld(t)
	config := map[string]any{
		"architecture": "arm64", "variant": "v8", "os": "linux", "docker_version": "20.10", "comment": "said", "created": "2026-01-02T03:04:05Z",
		"config": map[string]any{
			"User": "1000", "Cmd": []string{"sh"}, "Entrypoint": []string{"/init"}, "WorkingDir": "/w", "StopSignal": "SIGINT", "Labels": map[string]string{"k": "v"},
			"ExposedPorts": map[string]any{"80/tcp": map[string]any{}}, "Volumes": map[string]any{"/data": map[string]any{}},
			"Healthcheck": map[string]any{"Test": []string{"CMD", "true"}}, "OnBuild": []string{"RUN x"},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{}},
	}
	img := w.put(made{}, w.image(made{}).Created, config)
	i, err := Inspect(w.s, img, w.list())
	check(t, err)
	raw, err := json.Marshal(i)
	check(t, err)
	var got map[string]any
	check(t, json.Unmarshal(raw, &got))
	for key, want := range map[string]any{
		"Id": img.ID, "Architecture": "arm64", "Variant": "v8", "Os": "linux", "DockerVersion": "20.10", "Version": "20.10", "Comment": "said", "User": "1000",
		"Created": "2026-01-02T03:04:05Z", "RepoTags": []any{}, "RepoDigests": []any{}, "Labels": map[string]any{"k": "v"}, "Parent": "",
		"Healthcheck": map[string]any{"Test": []any{"CMD", "true"}},
		"RootFS":      map[string]any{"Type": "layers", "Layers": []any{}},
	} {
		if !reflect.DeepEqual(got[key], want) {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
	c, _ := got["Config"].(map[string]any)
	for _, key := range []string{"User", "Cmd", "Entrypoint", "WorkingDir", "StopSignal", "Labels", "ExposedPorts", "Volumes", "Healthcheck", "OnBuild"} {
		if c[key] == nil {
			t.Errorf("Config.%s is missing in %v", key, c)
		}
	}
}

func TestTree(t *testing.T) {
	w := newWorld(t)
	base, _, named := w.build()
	all := w.list()
	img, err := w.s.Image(named)
	check(t, err)
	nodes, err := Layers(w.s, img, all)
	check(t, err)
	if len(nodes) != 2 || !reflect.DeepEqual(nodes[0].Images, []string{"localhost/base:1"}) || len(nodes[1].Images) != 2 || nodes[0].Size != 2048 {
		t.Errorf("%+v", nodes)
	}
	b, err := w.s.Image(base)
	check(t, err)
	root, err := Dependents(w.s, b, all)
	check(t, err)
	if root.ID != b.TopLayer || len(root.Children) != 1 || root.Children[0].ID != img.TopLayer || len(root.Children[0].Children) != 0 {
		t.Errorf("%+v", root)
	}
	if root, err := Dependents(w.s, w.image(made{}), all); root != nil || err != nil {
		t.Errorf("without layers: %+v, %v", root, err)
	}
}

func TestMount(t *testing.T) {
	w := newWorld(t)
	img := w.image(made{names: []string{"localhost/a:1"}, layer: w.layer(w.layer("", "low", 10), "top", 10), steps: []string{"a"}})
	if list, err := Mounts(w.s); err != nil || len(list) != 0 {
		t.Errorf("before: %v, %v", list, err)
	}
	m, err := Mount(w.s, img)
	check(t, err)
	t.Cleanup(func() { _, _ = Unmount(w.s, img, true) })
	for _, file := range []string{"low", "top"} {
		if _, err := os.Stat(filepath.Join(m.Path, file)); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(m.Path, "new"), nil, 0o600); err == nil {
		t.Error("the image can be written to")
	}
	again, err := Mount(w.s, img)
	check(t, err)
	if list, err := Mounts(w.s); err != nil || len(list) != 1 || list[0].Path != m.Path || again.Path != m.Path {
		t.Errorf("mounted: %+v, %v", list, err)
	}
	if was, err := Unmount(w.s, img, false); !was || err != nil {
		t.Errorf("first: %v, %v", was, err)
	}
	if list, _ := Mounts(w.s); len(list) != 1 {
		t.Error("mounted twice, unmounted once, and gone")
	}
	if was, err := Unmount(w.s, img, true); !was || err != nil {
		t.Errorf("second: %v, %v", was, err)
	}
	if was, err := Unmount(w.s, img, true); was || err != nil {
		t.Errorf("third: %v, %v", was, err)
	}
}
