package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// smallLayout makes the images of the benchmark out of two small root file
// systems.
func smallLayout(t *testing.T, dir string) {
	t.Helper()
	members := []tar.Header{directory("./"), directory("bin/"), directory("etc/"), directory("srv/")}
	if path, err := findBusybox(); err == nil {
		program, err := os.ReadFile(path)
		check(t, err)
		shell := regular("bin/busybox", string(program))
		shell.Mode = 0o755
		members = append(members, shell)
		for _, applet := range []string{"sh", "true", "mkdir", "head"} {
			members = append(members, tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777})
		}
	}
	var tars []string
	for _, motd := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), motd)
		check(t, os.WriteFile(path, tarOf(t, append(slices.Clone(members), regular("etc/motd", motd))...), 0o600))
		tars = append(tars, path)
	}
	check(t, os.MkdirAll(dir, 0o755))
	check(t, stackLayers(dir, tars))
}

func TestImages(t *testing.T) {
	dir := t.TempDir()
	smallLayout(t, dir)
	var index imgspec.Index
	check(t, readJSON(filepath.Join(dir, imgspec.ImageIndexFile), &index))
	var ids []string
	for _, d := range index.Manifests {
		var m imgspec.Manifest
		check(t, readJSON(blobPath(dir, d.Digest), &m))
		want := 2
		if d.Annotations[imgspec.AnnotationRefName] == firstImage {
			want = 1
		}
		var config imgspec.Image
		check(t, readJSON(blobPath(dir, m.Config.Digest), &config))
		if len(m.Layers) != want || len(config.RootFS.DiffIDs) != want || len(config.History) != want {
			t.Errorf("%s: %d layers, %d diff ids, want %d", d.Annotations, len(m.Layers), len(config.RootFS.DiffIDs), want)
		}
		ids = append(ids, m.Config.Digest.String())
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 3 {
		t.Errorf("images: %q", ids)
	}
	facts, err := imageFacts(dir)
	check(t, err)
	if facts.Layers != 2 || facts.Files < 5 || facts.Unpacked < 6 || facts.Compressed == 0 {
		t.Errorf("facts: %+v", facts)
	}
}

func TestRegistry(t *testing.T) {
	if _, err := exec.LookPath("docker-registry"); err != nil {
		t.Skipf("program docker-registry: %v", err)
	}
	s, err := newSampler()
	check(t, err)
	defer s.close()
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout")
	smallLayout(t, layout)
	r, err := startRegistry(context.Background(), dir, &world{Home: dir, Run: dir})
	check(t, err)
	pids, err := children()
	check(t, err)
	for _, pid := range pids {
		s.keepers[pid] = true
	}
	check(t, r.push(context.Background(), layout))
	var m imgspec.Manifest
	check(t, wholeManifest(layout, &m))
	answer, err := http.Get(r.blobURL(m.Layers[1].Digest.String()))
	check(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ContentLength != m.Layers[1].Size {
		t.Errorf("the layer: %s, %d bytes", answer.Status, answer.ContentLength)
	}
	if _, err := send(context.Background(), http.MethodGet, r.blobURL("sha256:0"), "", ""); err == nil {
		t.Error("a bad digest is accepted")
	}
	if script := floorScript(r, m); strings.Count(script, "curl") != 2 || strings.Count(script, "tar -x") != 2 {
		t.Errorf("script:\n%s", script)
	}
}

// A journey goes on after a step that fails, but not without the image, and
// says what failed.
func TestTravel(t *testing.T) {
	s, err := newSampler()
	check(t, err)
	defer s.close()
	b := &bench{sampler: s}
	w := &world{Home: t.TempDir(), Run: t.TempDir()}
	sh := func(title, script string) step { return step{title: title, argv: []string{"/bin/sh", "-c", script}} }
	tr := newTracks()
	check(t, b.travel(context.Background(), journey{name: "a", world: w, steps: []step{
		sh(stepPull, "true"), sh(stepAgain, "exit 3"), sh("", "exit 4"), {argv: []string{"/bin/false", ""}, free: true}, sh(stepRemove, "true"),
	}}, tr))
	check(t, b.travel(context.Background(), journey{name: "b", world: w, steps: []step{sh(stepPull, "exit 1"), sh(stepRemove, "true")}}, tr))
	if len(tr.samples[stepPull]["a"]) != 1 || len(tr.samples[stepRemove]["a"]) != 1 || len(tr.samples[stepRemove]["b"]) != 0 || len(tr.errors) != 3 {
		t.Errorf("samples %v\nerrors %v", tr.samples, tr.errors)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.travel(ctx, journey{steps: []step{sh("", "true")}}, tr); err == nil {
		t.Error("nothing stops it")
	}
}

func TestStorageReport(t *testing.T) {
	tr := newTracks()
	for title, ms := range map[string][2]int{stepPull: {1000, 2500}, stepPresent: {50, 400}} {
		tr.add(title, "coracle", sample{Wall: time.Duration(ms[0]) * time.Millisecond})
		tr.add(title, "podman", sample{Wall: time.Duration(ms[1]) * time.Millisecond})
	}
	tr.add(stepPull, downloadName, sample{Wall: 800 * time.Millisecond})
	r := &StorageReport{Peaks: []Peak{{"coracle", 40, 44}}}
	r.take(tr, []journey{{name: "coracle"}, {name: "podman"}, {name: downloadName}})
	r.Targets = r.targets()
	verdicts := map[string]string{}
	for _, target := range r.Targets {
		verdicts[target.Name] = target.Verdict
	}
	for name, want := range map[string]string{
		"cold pull, faster than podman":            "met",
		"cold pull, against download and tar -x":   "met",
		"layers present, faster than podman":       "missed by 2.00 ×",
		"images, with 1000":                        "not measured",
		"memory of a pull, all layers against one": "met",
	} {
		if verdicts[name] != want {
			t.Errorf("%s: %q, want %q", name, verdicts[name], want)
		}
	}
	var out bytes.Buffer
	check(t, r.write(&out))
	for _, want := range []string{stepPresent, "2500", "largest process", "missed by 2.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if j, l := (options{Rounds: 30}).storageRounds(); j%2 != 1 || l%2 != 1 {
		t.Errorf("rounds %d, %d", j, l)
	}
}

// The command lines are those of the real program.
func TestRealStorage(t *testing.T) {
	if _, err := exec.LookPath("docker-registry"); err != nil {
		t.Skipf("program docker-registry: %v", err)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	smallLayout(t, layout)
	var r StorageReport
	check(t, json.Unmarshal(measureReal(t, options{JSON: true, Storage: true, Layout: layout, Only: "none"}), &r))
	for _, s := range r.Steps {
		if find(s.Rows, "coracle").Median == 0 {
			t.Errorf("%s was not measured; notes: %q", s.Title, r.Notes)
		}
	}
	if len(r.Steps) != len(stepTitles())+1 || len(r.Peaks) != 1 || r.Peaks[0].Whole == 0 {
		t.Errorf("steps %+v, peaks %+v", r.Steps, r.Peaks)
	}
}
