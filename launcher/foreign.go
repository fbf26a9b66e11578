package launcher

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/storage/record"
	"coracle/userns"
)

// foreignDirs are directories of an image, parents first, relative to its root,
// that belong to none of the user's ids and have to hold something that is mounted:
// of an image in an additional store that another user made. Nobody here may make
// a place in them; in a directory of the same name in the upper layer one can.
//
// Layers below own are the user's, and not looked at: that would cost each launch.
func foreignDirs(layers []record.Layer, own string, grant *userns.Grant, targets []string) (dirs []string) {
	if !slices.ContainsFunc(layers, func(l record.Layer) bool { return !strings.HasPrefix(l.Diff, own+"/") }) {
		return nil
	}
	for _, target := range targets {
		dir := ""
		for _, name := range strings.Split(strings.Trim(filepath.Dir(filepath.Clean("/"+target)), "/"), "/") {
			dir = filepath.Join(dir, name)
			st, ok := lstatIn(layers, dir)
			if !ok || st.Mode&unix.S_IFMT != unix.S_IFDIR {
				break // not there, or a link: the kernel follows it within the root
			}
			if isForeign(st, grant) && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// lstatIn finds what the uppermost layer that has it holds under a name.
func lstatIn(layers []record.Layer, name string) (st unix.Stat_t, ok bool) {
	if name == "" {
		return st, false
	}
	for _, l := range layers {
		if unix.Lstat(filepath.Join(l.Diff, name), &st) == nil {
			return st, true
		}
	}
	return st, false
}

func isForeign(st unix.Stat_t, grant *userns.Grant) bool {
	_, okUID := grant.UIDs.ToInside(st.Uid)
	_, okGID := grant.GIDs.ToInside(st.Gid)
	return !okUID || !okGID
}

// mountTargets are the paths that the launch mounts something at.
func (l *launch) mountTargets(files []plan.File) (targets []string) {
	for _, f := range files {
		targets = append(targets, f.Path)
	}
	for _, m := range l.spec.Mounts {
		targets = append(targets, m.Destination)
	}
	return targets
}
