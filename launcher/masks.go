package launcher

import (
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"coracle/launcher/plan"
	"coracle/storage"
)

// resolveMasks replaces the paths of the image that --security-opt mask= names
// by what they lead to, links followed beneath the root.
func (l *launch) resolveMasks(view *storage.View) {
	for i, path := range l.spec.Linux.MaskedPaths {
		if l.mountOver(path) != nil {
			continue
		}
		if at, _, exists, err := view.Resolve(path); err == nil && exists {
			l.spec.Linux.MaskedPaths[i] = "/" + strings.TrimPrefix(at, ".")
		}
	}
}

// kind tells the plan whether a path to be hidden is there, and whether it is a
// directory. Where that cannot be known it says yes: a launch that fails is
// better than a mask that is left out.
func (l *launch) kind(view *storage.View, files []plan.File) func(path string) (exists, dir bool) {
	return func(path string) (exists, dir bool) {
		for _, f := range files {
			if f.Path == path {
				return true, false
			}
		}
		if m := l.mountOver(path); m != nil {
			if exists, dir, known := l.kindInVolume(m, path); known {
				return exists, dir
			}
			return kindInMount(m, path)
		}
		for _, m := range l.spec.Mounts {
			if strings.HasPrefix(filepath.Clean(m.Destination), path+"/") {
				return true, true // made for that mount, if for nothing else
			}
		}
		_, mode, exists, err := view.Resolve(path)
		return exists || err != nil, mode.IsDir() || err != nil
	}
}

// kindInMount answers for a path that lies in a mount: from the host's file that
// is bound there, from the host's procfs, sysfs or /dev for those, which are
// alike, and for a new tmpfs as of something that is not there.
func kindInMount(m *specs.Mount, path string) (exists, dir bool) {
	below := strings.TrimPrefix(path, filepath.Clean(m.Destination))
	switch {
	case (m.Type == "bind" || m.Type == "overlay") && filepath.IsAbs(m.Source):
		return kernelPath(filepath.Join(m.Source, below))
	case below == "":
		return true, true
	}
	return kernelPath(path)
}

// mountOver finds the mount that a path of the container lies in, if any.
func (l *launch) mountOver(path string) (over *specs.Mount) {
	longest := 0
	for i := range l.spec.Mounts {
		dest := filepath.Clean(l.spec.Mounts[i].Destination)
		if len(dest) >= longest && (path == dest || strings.HasPrefix(path, dest+"/")) {
			longest, over = len(dest), &l.spec.Mounts[i]
		}
	}
	return over
}
