package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"coracle/launcher"
	"coracle/launcher/containers"
	"coracle/launcher/intent"
)

// choice is how a command line may say which containers it is about.
type choice struct {
	Names   []string
	All     bool
	Latest  bool
	Running bool     // all that run
	Filter  []string // as of ps
	Cidfile []string // files that --cidfile of run wrote
	// Ignore makes files that are not there no error.
	Ignore bool
}

// names are the containers chosen. Of those chosen by what they are, the ids.
func (c choice) names(all *launcher.Containers) ([]string, error) {
	names := slices.Clone(c.Names)
	for _, file := range c.Cidfile {
		id, err := readID(file)
		if c.Ignore && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names = append(names, id)
	}
	every := c.All || c.Running || len(c.Filter) > 0
	switch {
	case !every && !c.Latest:
		if len(names) == 0 && len(c.Cidfile) == 0 {
			return nil, errors.New("no container named\n  fix: give names or ids; coracle ps -a lists them")
		}
		return names, nil
	case every && len(names) > 0 && len(c.Filter) > 0 && !c.All && !c.Latest:
		return nil, errors.New("--filter and names contradict each other")
	case len(names) > 0 || every && c.Latest:
		return nil, errors.New("--all, --latest and names contradict each other")
	}
	list, err := all.List()
	if err != nil {
		return nil, err
	}
	if c.Latest {
		if len(list) == 0 {
			return nil, errors.New("there are no containers")
		}
		return []string{slices.MaxFunc(list, older).ID}, nil
	}
	fit, _, err := psFilter(list, attachedTo(all), c.Filter)
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		if fit(x) && (!c.Running || x.PID != 0) {
			names = append(names, x.ID)
		}
	}
	return names, nil
}

func older(a, b *containers.Container) int { return a.Intent.Created.Compare(b.Intent.Created) }

// readID reads the first line of a file that --cidfile wrote.
func readID(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("--cidfile: %w", err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	if s.Scan(); strings.TrimSpace(s.Text()) == "" {
		return "", fmt.Errorf("--cidfile: %s holds no id", file)
	}
	return strings.TrimSpace(s.Text()), nil
}

// chosen are the containers that a command line names in one of the ways.
func chosen(all *launcher.Containers, names []string, every, latest bool) ([]string, error) {
	return choice{Names: names, All: every, Latest: latest}.names(all)
}

// chosenOne is chosen for commands that take one container.
func chosenOne(all *launcher.Containers, name string, latest bool) (string, error) {
	var names []string
	if name != "" {
		names = []string{name}
	}
	names, err := chosen(all, names, false, latest)
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// withDependents puts in front of each container those that share namespaces or
// volumes with it, and those that do with them.
func withDependents(all *launcher.Containers, names []string) ([]string, error) {
	list, err := all.List()
	if err != nil {
		return nil, err
	}
	needs := make(map[string][]string) // ids of those who need an id
	for _, x := range list {
		for _, ref := range references(x) {
			if other, err := all.Find(ref); err == nil {
				needs[other.ID] = append(needs[other.ID], x.ID)
			}
		}
	}
	var out []string
	var add func(id, name string)
	add = func(id, name string) {
		if slices.Contains(out, name) || slices.Contains(out, id) {
			return
		}
		for _, dependent := range needs[id] {
			if dependent != id {
				add(dependent, dependent)
			}
		}
		out = append(out, name)
	}
	for _, name := range names {
		id := name
		if x, err := all.Find(name); err == nil {
			id = x.ID
		}
		add(id, name)
	}
	return out, nil
}

// references are the other containers that one was made to share something with.
func references(x *containers.Container) (refs []string) {
	var o intent.Options
	if json.Unmarshal(x.Intent.Options, &o) != nil {
		return nil
	}
	for _, v := range append([]string{o.Userns, o.PID, o.IPC, o.UTS, o.Cgroupns}, o.Network...) {
		if ref, ok := strings.CutPrefix(v, "container:"); ok {
			refs = append(refs, ref)
		}
	}
	for _, v := range o.VolumesFrom {
		ref, _, _ := strings.Cut(v, ":")
		refs = append(refs, ref)
	}
	return refs
}
