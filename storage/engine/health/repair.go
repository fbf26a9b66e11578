//go:build containers_image_openpgp

package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"coracle/storage"

	cstorage "go.podman.io/storage"
)

// ErrNotMended says that a finding is left as it is: nothing here can mend it, or
// mending would lose something and that was not asked for.
var ErrNotMended = errors.New("not repaired")

// Repair mends findings: containers first, then images, then layers, so that
// nothing is removed under what still stands on it. It goes on after an error and
// returns all of them. Being interrupted does no harm: a second check finds the
// rest.
func (s *Store) Repair(ctx context.Context, findings []Finding, o Options) error {
	var errs []error
	done, failed := map[Kind]bool{}, map[Kind]error{}
	tell := func(f Finding, err error) {
		if o.Done != nil {
			o.Done(f, err)
		}
	}
	for _, kind := range []Kind{Broken, Directory, Container, Volume, Image, Layer, Record, Leftover} {
		for _, f := range findings {
			switch {
			case f.Kind != kind, f.Foreign:
			case ctx.Err() != nil:
				return errors.Join(append(errs, ctx.Err())...)
			case f.mend == nil:
				errs = append(errs, fmt.Errorf("%w: %s", ErrNotMended, f))
				tell(f, ErrNotMended)
			case f.Loses && !o.Lossy:
				errs = append(errs, fmt.Errorf("%w: %s\n  fix: coracle system check --repair --force   (removes it)", ErrNotMended, f))
				tell(f, ErrNotMended)
			case (kind == Leftover || kind == Layer) && done[kind]: // one for all
				tell(f, failed[kind])
			default:
				done[kind] = true
				err := f.mend(ctx)
				if failed[kind] = err; err != nil {
					errs = append(errs, fmt.Errorf("cannot repair %s %s: %w", f.Kind, f.Object, err))
				}
				tell(f, err)
			}
		}
	}
	return errors.Join(errs...)
}

// repairStore has containers/storage remove one image or container that its
// check found damaged. An image that a container of ours runs on stays.
func (s *Store) repairStore(report cstorage.CheckReport, image, container string) error {
	only := report
	only.Images, only.Layers, only.Containers = pick(report.Images, image), nil, pick(report.Containers, container)
	if user, err := s.runsOn(image, ""); err != nil || user != "" {
		return inUse(user, err)
	}
	return s.remove(only, container != "")
}

// repairLayers has containers/storage remove the damaged layers that are still
// there, in its order: those first that stand on others.
func (s *Store) repairLayers(report cstorage.CheckReport) (err error) {
	only := report // with what the library knows of the order
	only.Images, only.Containers, only.Layers = nil, nil, map[string][]error{}
	for id, errs := range report.Layers {
		if user, e := s.runsOn("", id); e != nil || user != "" {
			err = errors.Join(err, fmt.Errorf("layer %s: %w", id, inUse(user, e)))
		} else if s.Engine.Exists(id) {
			only.Layers[id] = errs
		}
	}
	return errors.Join(err, s.remove(only, false))
}

func inUse(user string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("container %s is running on it\n  fix: coracle rm -f %s", user, user)
}

func (s *Store) remove(report cstorage.CheckReport, containers bool) error {
	space := storage.Reserve{Data: s.Data}
	_ = space.Free()
	defer func() { _ = space.Restore() }()
	return errors.Join(s.Engine.Store.Repair(report, &cstorage.RepairOptions{RemoveContainers: containers})...)
}

func pick(from map[string][]error, id string) map[string][]error {
	if errs, ok := from[id]; ok {
		return map[string][]error{id: errs}
	}
	return nil
}

// runsOn names a running container of ours that uses an image, or whose image
// has a layer; empty when there is none.
func (s *Store) runsOn(image, layer string) (string, error) {
	list, err := s.Containers.List()
	if err != nil {
		return "", err
	}
	for _, c := range list {
		if !c.Running {
			continue
		}
		if slices.Contains(c.Images, image) || layer != "" && s.stands(c, layer) {
			return label(c), nil
		}
	}
	return "", nil
}

// stands tells whether a container's image has a layer.
func (s *Store) stands(c *Facts, layer string) bool {
	return slices.ContainsFunc(c.Images, func(id string) bool { return s.hasLayer(id, layer) })
}

func (s *Store) hasLayer(imageID, layer string) bool {
	image, err := s.Engine.Image(imageID)
	if err != nil {
		return false
	}
	for id := image.TopLayer; id != ""; {
		if id == layer {
			return true
		}
		l, err := s.Engine.Layer(id)
		if err != nil {
			return false
		}
		id = l.Parent
	}
	return false
}

// broken is the finding that the store cannot be opened. If one of its records is
// no JSON, as after a power cut on a file system that loses what was not synced,
// it can be put aside: the store opens then, without what was in it.
func (s *Store) broken() []Finding {
	var all []Finding
	for _, r := range s.graph().rooms() {
		for _, path := range append(r.records, filepath.Join(filepath.Dir(r.lock), "containers.json"), filepath.Join(filepath.Dir(r.lock), "mountpoints.json")) {
			data, err := os.ReadFile(path)
			var list []json.RawMessage
			if err != nil || len(data) == 0 || json.Unmarshal(data, &list) == nil {
				continue
			}
			all = append(all, Finding{Kind: Broken, Object: path, Problem: "it is damaged, and with it all that it lists is lost", Loses: true, Podman: true,
				mend: func(context.Context) error {
					return os.Rename(path, fmt.Sprintf("%s.damaged-%d", path, time.Now().UnixNano()))
				}})
		}
	}
	if len(all) == 0 {
		all = append(all, Finding{Kind: Broken, Object: s.Graph, Problem: s.OpenError.Error()})
	}
	return all
}
