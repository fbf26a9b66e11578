package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// floorName is the row of doing the same with curl and tar.
const downloadName = "curl, then tar -x"

// storageAmounts says how often what is measured: odd numbers, so that a median
// is a measurement.
func (o options) storageRounds() (journeys, lists int) {
	if o.Quick {
		return 1, 3
	}
	n := max(1, o.Rounds/6)
	return n | 1, max(3, o.Rounds/2) | 1
}

// measureStorage does the storage part.
func measureStorage(ctx context.Context, o options, w *world) (*StorageReport, error) {
	s, err := newSampler()
	if err != nil {
		return nil, err
	}
	defer s.close()
	b := &bench{world: w, sampler: s}
	r := &StorageReport{Host: lookAround(w.Home)}
	layout := o.Layout
	if layout == "" {
		if layout, err = debianImage(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.prepare(); err != nil {
		return nil, fmt.Errorf("cannot prepare: %w", err)
	}
	reg, err := startRegistry(ctx, w.Home, w)
	if err != nil {
		return nil, err
	}
	s.adopt()
	progress("pushing the image")
	if err := reg.push(ctx, layout); err != nil {
		return nil, err
	}
	if r.Image, err = imageFacts(layout); err != nil {
		return nil, err
	}
	all, err := b.journeys(o, reg, layout, r)
	if err != nil {
		return nil, err
	}
	if err := b.measureJourneys(ctx, o, all, r); err != nil {
		return nil, err
	}
	if err := b.measurePeaks(ctx, all, reg, r); err != nil {
		return nil, err
	}
	if err := b.measureLists(ctx, o, all, r); err != nil {
		return nil, err
	}
	r.Host.After, r.Targets, r.Notes = load(), r.targets(), b.notes
	return r, nil
}

// journeys are those of the programs that are there, each in a world of its own
// on the same file system.
func (b *bench) journeys(o options, reg registry, layout string, r *StorageReport) ([]journey, error) {
	archive := b.world.path("whole.tar")
	if err := archiveLayout(archive, layout); err != nil {
		return nil, err
	}
	var manifest imgspec.Manifest
	if err := wholeManifest(layout, &manifest); err != nil {
		return nil, err
	}
	list := []peer{
		{name: "coracle", program: o.Coracle, version: []string{"version"}},
		{name: "podman", program: "podman", version: []string{"--version"}},
		{name: "skopeo", program: "skopeo", version: []string{"--version"}},
		{name: downloadName, program: "unshare", version: []string{"--version"}},
	}
	var all []journey
	for _, p := range only(list, o.Only) {
		p, err := p.locate()
		if err != nil {
			r.Peers = append(r.Peers, Peer{Name: p.name, Absent: err.Error()})
			continue
		}
		j := journey{name: p.name, world: b.world.sub("world-" + p.name[:4]), program: p}
		if err := j.world.prepareFor(reg); err != nil {
			return nil, err
		}
		where := places{whole: reg.reference(wholeImage), sibling: reg.reference(siblingImage), archive: archive, saved: j.world.path("saved.tar")}
		switch p.name {
		case "skopeo":
			j.steps = skopeoSteps(p.program, where)
		case downloadName:
			j.steps = floorSteps(p.program, reg, manifest)
		default:
			j.steps = containerSteps(p.program, where)
		}
		r.Peers = append(r.Peers, Peer{Name: p.name, Version: p.askVersion(j.world)})
		all = append(all, j)
	}
	return all, nil
}

// prepareFor makes a world that reaches the registry, which has no TLS.
func (w *world) prepareFor(reg registry) error {
	if err := w.prepare(); err != nil {
		return err
	}
	text := fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", reg.address)
	return os.WriteFile(w.path(".config", "containers", "registries.conf"), []byte(text), 0o600)
}

// measureJourneys lets all programs travel in turn, forward and backward.
func (b *bench) measureJourneys(ctx context.Context, o options, all []journey, r *StorageReport) error {
	n, _ := o.storageRounds()
	for _, j := range all { // what is made once is made now: stores, podman's own process
		progress("warming up %s", j.name)
		if j.name == "coracle" || j.name == "podman" {
			_, _ = b.sampler.run(j.world, []string{j.program.program, "images"})
			b.sampler.adopt()
		}
		if err := b.travel(ctx, j, newTracks()); err != nil {
			return err
		}
	}
	t := newTracks()
	for round := range n {
		progress("round %d of %d", round+1, n)
		for turn := range all {
			i := turn
			if round%2 == 1 {
				i = len(all) - 1 - turn
			}
			if err := b.travel(ctx, all[i], t); err != nil {
				return err
			}
		}
	}
	r.take(t, all)
	for key, err := range t.errors {
		b.note("%s: %s", key, err)
	}
	return nil
}

// archiveLayout makes an oci-archive of the whole image.
func archiveLayout(path, layout string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	var index imgspec.Index
	err = readJSON(filepath.Join(layout, imgspec.ImageIndexFile), &index)
	if err == nil {
		index.Manifests = index.Manifests[:1]
		index.Manifests[0].Annotations = map[string]string{imgspec.AnnotationRefName: "localhost/loaded:latest"}
		err = tarObject(w, imgspec.ImageIndexFile, index)
	}
	top := os.DirFS(layout)
	return errors.Join(err, fs.WalkDir(top, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || name == imgspec.ImageIndexFile {
			return err
		}
		return tarFile(w, top, name)
	}), w.Close(), f.Close())
}
