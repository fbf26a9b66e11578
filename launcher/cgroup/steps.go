package cgroup

import (
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Steps are what [Place.Make] or [Place.MakeIn] and the limits come to, for people
// to read, each with its reason.
func (p *Place) Steps(r *specs.LinuxResources) (all [][2]string) {
	g := p.Group
	if p.Way == Systemd {
		g = Group{Unified: filepath.Join(p.Scope, containerDir)}
		all = append(all, [2]string{"StartTransientUnit(" + p.Scope + ")", "a scope of systemd with the supervisor in it"})
	}
	for _, dir := range g.dirs() {
		all = append(all, [2]string{"mkdir " + dir, "the container's cgroup"})
	}
	for _, s := range Settings(r, len(g.V1) == 0) {
		dir, _ := g.Dir(s.Controller)
		all = append(all, [2]string{"write " + filepath.Join(dir, s.File) + " " + s.Value, "--" + s.Name})
	}
	return all
}
