//go:build containers_image_openpgp

package health

import (
	"context"
	"errors"
	"time"

	"coracle/storage"
	"coracle/storage/engine"
	"coracle/storage/volume"
)

// Age is a length of time.
type Age = time.Duration

// Store is everything of one user: the image store and Coracle's own directories.
type Store struct {
	// Engine is the open image store, nil when it cannot be opened: then OpenError
	// says why, and only Coracle's own directories are looked at.
	Engine    *engine.Store
	OpenError error
	// Graph and GraphRun are the directories of the image store, when Engine is nil.
	Graph, GraphRun string
	// Data and Run are Coracle's own, storage.Paths.
	Data, Run string
	// Containers tells of the user's containers.
	Containers Containers
}

func (s *Store) set() storage.Containers { return storage.Containers{Data: s.Data} }

func (s *Store) volumes() volume.Store { return volume.Store{Data: s.Data} }

// graph is the image store as a directory.
func (s *Store) graph() graph {
	if s.Engine == nil {
		return graph{root: s.Graph, run: s.GraphRun, driver: "overlay"}
	}
	return graph{root: s.Engine.GraphRoot(), run: s.Engine.RunRoot(), driver: s.Engine.GraphDriverName(), imageStore: s.Engine.ImageStore()}
}

// Readable reads all records of the image store.
func (s *Store) Readable() error {
	_, err := s.Engine.Layers()
	if err == nil {
		_, err = s.Engine.Images()
	}
	if err == nil {
		_, err = s.Engine.Containers()
	}
	return err
}

// imageIDs are the images that are there; nil when that cannot be known.
func (s *Store) imageIDs() (map[string]bool, error) {
	if s.Engine == nil {
		return nil, nil
	}
	images, err := s.Engine.Images()
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, i := range images {
		ids[i.ID] = true
	}
	return ids, nil
}

// keepsLayer tells whether a layer is in the store, for the copies of layers that
// are ours. What cannot be known is kept.
func (s *Store) keepsLayer() (func(id string) bool, error) {
	if s.Engine == nil {
		return func(string) bool { return true }, nil
	}
	layers, err := s.Engine.Layers()
	if err != nil {
		return func(string) bool { return true }, err
	}
	ids := map[string]bool{}
	for _, l := range layers {
		ids[l.ID] = true
	}
	return func(id string) bool { return ids[id] }, nil
}

// Sweep removes the garbage that killed processes left, and nothing else. Any
// number of processes may sweep, and use everything, at once.
func (s *Store) Sweep(ctx context.Context) error {
	var errs []error
	if s.Engine != nil {
		errs = append(errs, s.sweepHalfImages(), s.Engine.SweepIncoming())
	}
	_, err := s.graph().strays(ctx, true)
	errs = append(errs, err, s.sweepNeverStarted(ctx), s.volumes().Sweep(ctx), s.set().Reap(ctx), s.set().ReapFacts(ctx))
	keep, err := s.keepsLayer()
	errs = append(errs, err, storage.PruneShifted(ctx, s.Data, keep), s.sweepRecords(), s.sweepHints())
	return errors.Join(errs...)
}
