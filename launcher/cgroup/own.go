package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ErrNone says that a container has no cgroup of its own.
var ErrNone = errors.New("the container has no cgroup of its own")

// OfContainer finds the cgroup that was made for a container, by any process in it:
// what runs inside may have made others below. Errors: [ErrNone], and those of [Of].
func OfContainer(id string, pid int) (Group, error) {
	g, err := Of(pid)
	if err != nil {
		return g, err
	}
	own := Group{Unified: cut(g.Unified, id)}
	for c, dir := range g.V1 {
		if dir = cut(dir, id); dir != "" {
			if own.V1 == nil {
				own.V1 = make(map[string]string)
			}
			own.V1[c] = dir
		}
	}
	if !own.Exists() {
		return own, ErrNone
	}
	return own, nil
}

// cut is the part of a path that ends with a container's own directory, or empty.
func cut(path, id string) string {
	name := "/" + prefix + id
	at := strings.Index(path, name)
	if at < 0 {
		return ""
	}
	end := at + len(name)
	rest := path[end:]
	if in, ok := strings.CutPrefix(rest, ".scope/"+containerDir); ok {
		end, rest = len(path)-len(in), in
	}
	if rest != "" && rest[0] != '/' {
		return ""
	}
	return path[:end]
}

// Path is the group as inspect shows it: below the hierarchy's root.
func (g Group) Path() string {
	for _, dir := range []string{g.Unified, g.V1["memory"], g.V1["pids"]} {
		if dir == "" {
			continue
		}
		info, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			return dir
		}
		for _, m := range parseMounts(string(info)) {
			if rest, ok := strings.CutPrefix(dir, strings.TrimSuffix(m.at, "/")+"/"); ok {
				return filepath.Join(m.root, rest)
			}
		}
		return dir
	}
	return ""
}

// OOMKills is how many processes of the group the kernel has killed for want of
// memory since the group was made. Version 1 counts since Linux 4.13.
func (g Group) OOMKills() uint64 {
	file := "memory.events"
	dir, ok := g.Dir("memory")
	if !ok {
		return 0
	}
	if !g.V2() {
		file = "memory.oom_control"
	}
	for line := range strings.Lines(textOf(dir, file)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			kills, _ := strconv.ParseUint(strings.TrimSpace(n), 10, 64)
			return kills
		}
	}
	return 0
}

// Limit is a limit as it was asked for and as the kernel has it.
type Limit struct {
	// Name is the flag's, without dashes.
	Name string
	// Asked is a plain number: bytes, microseconds, a count; -1 is no limit.
	Asked string
	// Enforced is what File holds, empty where nothing is enforced.
	Enforced string
	File     string
}

// Enforced reads the limits back; from a group that does not exist, nothing.
func (g Group) Enforced(r *specs.LinuxResources) (all []Limit) {
	for _, s := range Settings(r, len(g.V1) == 0) {
		l := Limit{Name: s.Name, Asked: s.Asked, File: s.File}
		if dir, ok := g.Dir(s.Controller); ok {
			if !exists(dir, l.File) && s.Else != "" {
				l.File = s.Else
			}
			l.Enforced = strings.ReplaceAll(strings.TrimSpace(textOf(dir, l.File)), "\n", "; ")
		}
		all = append(all, l)
	}
	return all
}
