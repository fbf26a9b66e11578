//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coracle/storage"

	cstorage "go.podman.io/storage"
)

// Check looks for damage and garbage and changes nothing. It returns what it has
// found beside an error.
func (s *Store) Check(ctx context.Context, o Options) ([]Finding, error) {
	var all []Finding
	var errs []error
	if s.OpenError != nil {
		all = append(all, s.broken()...)
	}
	for _, look := range []func() ([]Finding, error){
		s.directories,
		func() ([]Finding, error) { return s.settled(ctx) },
		s.containers,
		s.damagedVolumes,
		s.records,
		func() ([]Finding, error) { return s.layersAndImages(ctx, o) },
	} {
		found, err := look()
		all, errs = append(all, found...), append(errs, err)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return strings.Compare(string(a.Kind)+a.Object, string(b.Kind)+b.Object) })
	return all, errors.Join(errs...)
}

// settleTime is how long garbage must lie there to be a finding: what is removed
// goes out of sight first and is deleted later, by another process, and what is
// made is there a moment before its lock.
const settleTime = 500 * time.Millisecond

// settled are the leftovers that nobody takes away.
func (s *Store) settled(ctx context.Context) ([]Finding, error) {
	found, err := s.leftovers()
	for end := time.Now().Add(settleTime); len(found) > 0 && err == nil && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(settleTime / 10)
		var now []Finding
		now, err = s.leftovers()
		found = slices.DeleteFunc(found, func(f Finding) bool {
			return !slices.ContainsFunc(now, func(n Finding) bool { return n.Object == f.Object })
		})
	}
	return found, err
}

// leftovers is the garbage, everywhere. It is mended by one sweep.
func (s *Store) leftovers() ([]Finding, error) {
	var all []storage.Leftover
	left, err := s.set().Leftovers()
	all = append(all, left...)
	keep, e := s.keepsLayer()
	err = errors.Join(err, e)
	left, e = storage.LeftShifted(s.Data, keep)
	all, err = append(all, left...), errors.Join(err, e)
	left, e = s.volumes().Leftovers()
	all, err = append(all, left...), errors.Join(err, e)
	if s.Engine != nil {
		left, e = s.Engine.LeftIncoming()
		all, err = append(all, left...), errors.Join(err, e)
	}
	var found []Finding
	for _, l := range all {
		f := Finding{Kind: Leftover, Object: filepath.Join(s.Data, l.Path), Problem: l.What, Foreign: l.Foreign}
		if !l.Foreign {
			f.mend = s.Sweep
		}
		found = append(found, f)
	}
	if s.Engine == nil {
		return found, err // its records may be unreadable: nothing there can be called garbage
	}
	strays, e := s.graph().strays(context.Background(), false)
	for _, stray := range strays {
		found = append(found, Finding{Kind: Leftover, Object: stray.path, Problem: stray.what, mend: s.Sweep})
	}
	return found, errors.Join(err, e)
}

// layersAndImages is what containers/storage knows of damage, and what it does not.
func (s *Store) layersAndImages(ctx context.Context, o Options) ([]Finding, error) {
	if s.Engine == nil {
		return nil, nil
	}
	options := &cstorage.CheckOptions{
		LayerUnreferencedMaximumAge: &o.MaxAge,
		LayerDigests:                !o.Quick, LayerMountable: !o.Quick,
		LayerData: true, ImageData: true, ContainerData: true,
	}
	report, err := s.Engine.Check(options)
	if err != nil {
		return nil, fmt.Errorf("cannot check the image store %s: %w", s.Engine.GraphRoot(), err)
	}
	for id, errs := range report.Layers { // what lies in the store without a record is a leftover, see graph
		report.Layers[id] = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, cstorage.ErrLayerUnaccounted) })
		if len(report.Layers[id]) == 0 {
			delete(report.Layers, id)
		}
	}
	if err := s.addMissing(report); err != nil {
		return nil, err
	}
	return s.sortOut(report), nil
}

// addMissing adds what the library's check does not see: directories of layers
// that are gone, which a quick check does not try to mount, and images without a
// manifest, which were being made when their maker was killed.
func (s *Store) addMissing(report cstorage.CheckReport) error {
	layers, err := s.Engine.Layers()
	if err != nil {
		return err
	}
	above := map[string][]string{}
	var gone []string
	for _, l := range layers {
		above[l.Parent] = append(above[l.Parent], l.ID)
		_, err := os.Lstat(filepath.Join(s.graph().layerDir(l.ID), "diff"))
		if err == nil || l.ReadOnly || !errors.Is(err, os.ErrNotExist) {
			continue
		}
		gone = append(gone, l.ID)
	}
	damaged := map[string]bool{}
	for n := 0; n < len(gone); n++ { // with all that stands on them
		if id := gone[n]; !damaged[id] {
			damaged[id] = true
			gone = append(gone, above[id]...)
			if len(report.Layers[id]) == 0 {
				report.Layers[id] = append(report.Layers[id], fmt.Errorf("layer %s: its directory, or that of a layer below, is gone", id))
			}
		}
	}
	images, err := s.Engine.Images()
	for _, i := range images {
		switch {
		case i.ReadOnly || len(report.Images[i.ID]) > 0:
		case !hasManifest(&i):
			report.Images[i.ID] = append(report.Images[i.ID], fmt.Errorf("image %s: it has no manifest: it was not completely made", i.ID))
		case damaged[i.TopLayer]:
			report.Images[i.ID] = append(report.Images[i.ID], report.Layers[i.TopLayer]...)
		}
	}
	return err
}

// sortOut turns the library's report into findings.
func (s *Store) sortOut(report cstorage.CheckReport) (all []Finding) {
	add := func(kind Kind, loses bool, by map[string][]error, mend func(id string) func(context.Context) error) {
		for id, errs := range by {
			f := Finding{Kind: kind, Object: id, Problem: problem(id, errs), Loses: loses, Podman: kind == Container}
			if mend != nil {
				f.mend = mend(id)
			}
			all = append(all, f)
		}
	}
	add(Layer, false, report.Layers, func(id string) func(context.Context) error {
		return func(context.Context) error { return s.repairLayers(report) }
	})
	add(Image, false, report.Images, func(id string) func(context.Context) error {
		return func(context.Context) error { return s.repairStore(report, id, "") }
	})
	add(Container, true, report.Containers, func(id string) func(context.Context) error {
		return func(context.Context) error { return s.repairStore(report, "", id) }
	})
	add(Layer, false, report.ROLayers, nil)
	add(Image, false, report.ROImages, nil)
	return all
}
