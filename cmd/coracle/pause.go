package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/pause"
	"coracle/storage"
)

// pauseSelection is how pause and unpause name containers, podman's flags.
type pauseSelection struct {
	Names   []string `arg:"" optional:"" name:"container" help:"Names or ids."`
	All     bool     `short:"a" help:"All containers for which it makes sense."`
	Latest  bool     `short:"l" help:"The container made last."`
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Those that fit, as with ps."`
	Cidfile []string `sep:"none" placeholder:"FILE" help:"The container whose id is in the file."`
}

// PauseCmd is `coracle pause`.
type PauseCmd struct{ pauseSelection }

// Run stops the containers' processes and prints the names, as docker does.
func (c *PauseCmd) Run(ctx context.Context) (int, error) {
	return c.each(ctx, containers.Running, pause.ErrPaused, (*launcher.Containers).Pause)
}

// UnpauseCmd is `coracle unpause`.
type UnpauseCmd struct{ pauseSelection }

// Run lets them go on.
func (c *UnpauseCmd) Run(ctx context.Context) (int, error) {
	return c.each(ctx, containers.Paused, pause.ErrNotPaused, (*launcher.Containers).Unpause)
}

// each does something to the containers chosen, and goes on after an error. Those
// that were not named have to be in that state, and may have changed meanwhile.
func (s *pauseSelection) each(ctx context.Context, in string, already error, do func(*launcher.Containers, string) error) (int, error) {
	all, err := launcher.OpenContainers(ctx)
	if err != nil {
		return launcher.ExitFailed, err
	}
	names, named, err := s.choose(all, in)
	if err != nil {
		return launcher.ExitFailed, err
	}
	var errs []error
	for _, name := range names {
		err := do(all, name)
		switch {
		case err == nil:
			fmt.Println(name)
		case !named && (errors.Is(err, already) || errors.Is(err, launcher.ErrNotRunning) || errors.Is(err, storage.ErrNoContainer)):
		default:
			errs = append(errs, err)
		}
	}
	return status(errs)
}

// choose finds the containers; named tells that the user knows each of them.
func (s *pauseSelection) choose(all *launcher.Containers, in string) (names []string, named bool, err error) {
	if !s.All && len(s.Filter) == 0 {
		names := slices.Clone(s.Names)
		for _, file := range s.Cidfile {
			id, err := cidOf(file)
			if err != nil {
				return nil, false, err
			}
			names = append(names, id)
		}
		if len(names) > 0 && s.Latest {
			return nil, false, errors.New("--latest and names contradict each other")
		}
		names, err := chosen(all, names, false, s.Latest)
		return names, true, err
	}
	if len(s.Names)+len(s.Cidfile) > 0 || s.Latest {
		return nil, false, errors.New("--all and --filter choose among all containers: names contradict them")
	}
	list, err := all.List()
	if err != nil {
		return nil, false, err
	}
	fit, _, err := psFilter(list, attachedTo(all), s.Filter)
	if err != nil {
		return nil, false, err
	}
	for _, x := range list {
		// One that is half paused, because somebody was interrupted, can be either.
		_, touched := x.ReadPause()
		if fit(x) && (x.Status() == in || touched && in == containers.Paused) {
			names = append(names, x.ID)
		}
	}
	return names, false, nil
}

// cidOf reads the file that run --cidfile has written.
func cidOf(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--cidfile: %w", err)
	}
	id := strings.TrimSpace(string(b))
	if !storage.ValidID(id) {
		return "", fmt.Errorf("--cidfile %s: there is no container's id in it", file)
	}
	return id, nil
}
