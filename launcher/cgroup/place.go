package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Ask is what is wanted of a container's cgroup.
type Ask struct {
	ID string // the container's
	// Parent is --cgroup-parent, Mode --cgroups.
	Parent, Mode string
	// Resources are the limits, or nil.
	Resources *specs.LinuxResources
	// Stays says that the container outlives who started it: it wants a cgroup of
	// its own even where one costs something.
	Stays bool
}

// Place is where a container's cgroup is to be made.
type Place struct {
	Way Way
	// Group are its directories; with Systemd they are known in [Place.MakeIn] only.
	Group Group
	// Slice is the systemd slice to make the scope in, empty for the manager's choice.
	Slice string
	// Scope is the name of the scope.
	Scope string

	root  string // of the version 2 hierarchy
	top   string // the highest directory that is the user's
	split bool   // the group's parent has processes, which are to be moved aside
	needs []string
}

// prefix begins the names of containers' cgroups and scopes.
const prefix = "coracle-"

// The directories in a scope.
const (
	containerDir  = "container"
	supervisorDir = "supervisor"
)

// Place decides where a container's cgroup is made, nil for nowhere. Errors:
// [ErrNotDelegated], [ErrUnsupported], and that --cgroup-parent or --cgroups cannot
// be had here.
func (h *Host) Place(a Ask) (*Place, error) {
	if a.Mode == "disabled" {
		return nil, nil
	}
	if err := h.Allows(a.Resources); err != nil {
		return nil, err
	}
	p := &Place{Way: h.Way, root: h.Root}
	for _, n := range needs(a.Resources) {
		if !slices.Contains(p.needs, n.controller) {
			p.needs = append(p.needs, n.controller)
		}
	}
	explicit := a.Parent != "" || a.Mode == "split"
	switch {
	case h.Way == None && explicit:
		return nil, fmt.Errorf("there is no cgroup for a container on this host: %s\n  fix: %s", h.Why, h.Fix)
	case h.Way == None:
		return nil, nil
	case a.Mode == "split":
		return p, h.split(p, a)
	case h.Way == Files:
		return p, h.choose(p, a)
	case len(p.needs) == 0 && !explicit && !a.Stays:
		return nil, nil // a scope costs a program and three messages, version 1 seven directories
	case h.Way == V1:
		return p, h.below(p, a)
	}
	if a.Mode == "no-conmon" {
		return nil, fmt.Errorf("--cgroups no-conmon: a scope of systemd needs the supervisor in it\n  fix: --cgroups split in a unit with Delegate=yes, or leave it out")
	}
	if a.Parent != "" && (!strings.HasSuffix(a.Parent, ".slice") || strings.Contains(a.Parent, "/")) {
		return nil, fmt.Errorf("invalid --cgroup-parent %q: with systemd it is the name of a slice\n  fix: --cgroup-parent NAME.slice", a.Parent)
	}
	p.Slice, p.Scope = a.Parent, prefix+a.ID+".scope"
	return p, nil
}

// split takes the cgroup of the caller, which a service manager has handed over.
func (h *Host) split(p *Place, a Ask) error {
	if h.Root == "" || h.Way == V1 || !writable(h.Own.Unified) || !writable(filepath.Join(h.Own.Unified, "cgroup.procs")) {
		return fmt.Errorf("--cgroups split: the cgroup %s is not handed over to uid %d\n  fix: Delegate=yes in the unit", h.Own.Unified, h.UID)
	}
	p.Way, p.split, p.top = Files, true, h.Own.Unified
	p.Group.Unified = filepath.Join(h.Own.Unified, prefix+a.ID)
	return nil
}

// choose finds the directory to make a group in: the nearest one that has the
// controllers, or can have them. One with processes in it cannot (cgroups(7), "no
// internal processes"), save the root of all.
func (h *Host) choose(p *Place, a Ask) error {
	p.top = h.chain[len(h.chain)-1]
	name := prefix + a.ID
	if a.Parent != "" {
		dir := filepath.Join(h.Root, a.Parent)
		if !strings.HasPrefix(dir+"/", strings.TrimSuffix(p.top, "/")+"/") {
			return fmt.Errorf("--cgroup-parent %s: it is not below %s, where uid %d may make cgroups\n  fix: --cgroup-parent %s/…", a.Parent, p.top, h.UID, "/"+strings.Trim(strings.TrimPrefix(p.top, h.Root), "/"))
		}
		p.Group.Unified = filepath.Join(dir, name)
		return nil
	}
	for _, dir := range h.chain {
		on := known(textOf(dir, "cgroup.subtree_control"))
		if len(p.needs) == 0 && len(on) > 0 || len(p.needs) > 0 && contains(on, p.needs) {
			p.Group.Unified = filepath.Join(dir, name)
			return nil
		}
	}
	if len(p.needs) == 0 {
		p.Group.Unified = filepath.Join(h.chain[0], name)
		return nil
	}
	for _, dir := range h.chain {
		if isRoot(dir) || strings.TrimSpace(textOf(dir, "cgroup.procs")) == "" {
			p.Group.Unified = filepath.Join(dir, name)
			return nil
		}
	}
	// All have processes: those of the highest, which in a container are the whole
	// container's, are moved aside.
	if p.top == h.Root {
		p.split = true
		p.Group.Unified = filepath.Join(p.top, name)
		return nil
	}
	return &Refused{
		Kind: ErrNotDelegated, Flag: needs(a.Resources)[0].flag,
		Why: fmt.Sprintf("the %s controller cannot be enabled in %s, which has processes", p.needs[0], p.top),
		Fix: "start it in a cgroup below " + p.top + ", where nothing else is",
	}
}

// below names a directory in each hierarchy of version 1.
func (h *Host) below(p *Place, a Ask) error {
	p.Group.V1 = make(map[string]string)
	for c, dir := range h.Own.V1 {
		if strings.HasPrefix(c, "name=") || c == "devices" || c == "hugetlb" || c == "perf_event" || c == "net_cls" || c == "net_prio" || c == "rdma" || c == "misc" {
			continue
		}
		if a.Parent != "" {
			rel := strings.Trim(a.Parent, "/")
			if strings.HasSuffix(a.Parent, ".slice") {
				return fmt.Errorf("invalid --cgroup-parent %q: without systemd it is a path\n  fix: --cgroup-parent /NAME", a.Parent)
			}
			dir = filepath.Join(mountOf(dir, c), rel)
		}
		p.Group.V1[c] = filepath.Join(dir, prefix+a.ID)
	}
	if h.Own.Unified != "" && a.Parent == "" && writable(h.Own.Unified) {
		p.Group.Unified = filepath.Join(h.Own.Unified, prefix+a.ID)
	}
	return nil
}

// mountOf is where the hierarchy is mounted that dir is in.
func mountOf(dir, controller string) string {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return dir
	}
	for _, m := range parseMounts(string(b)) {
		if m.has(controller) && strings.HasPrefix(dir+"/", strings.TrimSuffix(m.at, "/")+"/") {
			return m.at
		}
	}
	return dir
}

// isRoot tells the root of the hierarchy, which has no type (cgroups(7)).
func isRoot(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "cgroup.type"))
	return os.IsNotExist(err)
}

func textOf(dir, file string) string {
	b, _ := os.ReadFile(filepath.Join(dir, file))
	return string(b)
}

func contains(have, want []string) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}
