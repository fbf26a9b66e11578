package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Group is a control group. In version 2 it is one directory; in version 1 one for
// each controller, and in a hybrid hierarchy there are both (cgroups(7)).
type Group struct {
	// Unified is its directory in the version 2 hierarchy, empty if there is none.
	Unified string
	// V1 are its directories in version 1 hierarchies, by controller: "memory",
	// "cpu", "name=systemd".
	V1 map[string]string
}

// Dir is the directory that has the files of a controller ("memory", "cpu", "io",
// "pids", "cpuset", "freezer"). Version 1 knows io as blkio. In version 2 it is the
// group's one directory, where the files are only if the controller is enabled.
// ok is false when no mounted hierarchy shows the group.
func (g Group) Dir(controller string) (path string, ok bool) {
	if path, ok = g.V1[controller]; ok {
		return path, true
	}
	if controller == "io" {
		if path, ok = g.V1["blkio"]; ok {
			return path, true
		}
	}
	return g.Unified, g.Unified != "" && !g.hybrid()
}

// hybrid says that the version 2 hierarchy is there without controllers.
func (g Group) hybrid() bool {
	for c := range g.V1 {
		if !strings.HasPrefix(c, "name=") {
			return true
		}
	}
	return false
}

// Exists says whether the group has a directory at all.
func (g Group) Exists() bool { return g.Unified != "" || len(g.V1) > 0 }

// V2 says that the group's controllers are version 2's.
func (g Group) V2() bool { return g.Unified != "" && !g.hybrid() }

// Of finds the group of a process, 0 being the caller: the paths of /proc/PID/cgroup,
// below the mounts of /proc/self/mountinfo that show them. A hierarchy that is not
// mounted, or of which another part is, is left out. Errors are those of reading
// /proc; a process that is gone is fs.ErrNotExist.
func Of(pid int) (Group, error) {
	who := "self"
	if pid != 0 {
		who = strconv.Itoa(pid)
	}
	lines, err := os.ReadFile("/proc/" + who + "/cgroup")
	if err != nil {
		return Group{}, err
	}
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Group{}, err
	}
	return locate(parseMounts(string(info)), string(lines)), nil
}

// locate finds the directories of a group whose /proc/PID/cgroup has these lines.
func locate(mounts []mount, lines string) (g Group) {
	for line := range strings.Lines(lines) {
		// hierarchy-ID:controller-list:cgroup-path
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) != 3 {
			continue
		}
		if f[0] == "0" && f[1] == "" {
			g.Unified = find(mounts, "", f[2])
			continue
		}
		for c := range strings.SplitSeq(f[1], ",") {
			dir := find(mounts, c, f[2])
			if dir == "" {
				continue
			}
			if g.V1 == nil {
				g.V1 = make(map[string]string)
			}
			g.V1[c] = dir
		}
	}
	return g
}

// find is where a path of a hierarchy is mounted: version 2's with controller "".
func find(mounts []mount, controller, path string) string {
	for _, m := range mounts {
		if !m.has(controller) {
			continue
		}
		if rest, ok := below(path, m.root); ok {
			return filepath.Join(m.at, rest)
		}
	}
	return ""
}

// below takes root off the beginning of path. Both are as the kernel shows them to
// a process in a cgroup namespace: "/.." is above it, so they are not cleaned.
func below(path, root string) (rest string, ok bool) {
	p := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for _, e := range strings.FieldsFunc(root, func(r rune) bool { return r == '/' }) {
		if len(p) == 0 || p[0] != e {
			return "", false
		}
		p = p[1:]
	}
	for _, e := range p {
		if e == ".." {
			return "", false
		}
	}
	return strings.Join(p, "/"), true
}
