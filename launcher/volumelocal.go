package launcher

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/storage"
	"coracle/storage/volume"
)

// localMount is a volume that its driver's options make something else of than a
// directory of the store.
func (l *launch) localMount(s volume.Store, d *storage.Dir, m *specs.Mount, v *volume.Volume, local volume.Local) error {
	m.Type = local.Type
	m.Options = append(m.Options, local.Words...)
	if local.Type == "bind" {
		m.Source = local.Device
		if fi, err := os.Stat(local.Device); err != nil || !fi.IsDir() {
			return fmt.Errorf("its device %s is not a directory that is there\n  fix: mkdir -p %s", local.Device, local.Device)
		}
		return nil
	}
	m.Source = "tmpfs"
	readOnly := slices.Contains(m.Options, "rro") && !slices.Contains(m.Options, "ro")
	m.Options = slices.DeleteFunc(m.Options, func(o string) bool { return o == "rbind" || o == "rro" || o == "suid" || o == "dev" || o == "exec" })
	if readOnly {
		m.Options = append(m.Options, "ro")
	}
	m.Options = append(m.Options, local.Values...)
	for key, id := range map[string]*uint32{"uid=": local.UID, "gid=": local.GID} {
		if id != nil {
			m.Options = append(m.Options, key+fmt.Sprint(*id))
		}
	}
	return l.alone(s, d, v)
}

// alone makes sure that no other container has the volume: memory is mounted in
// one container only, so two would not see the same.
func (l *launch) alone(s volume.Store, d *storage.Dir, v *volume.Volume) error {
	users, err := s.Users()
	if err != nil {
		return err
	}
	for _, other := range users[v.Name] {
		if other.ID != d.ID {
			if err := settle(other); err != nil {
				return err
			}
		}
		if alive, err := other.Alive(); other.ID != d.ID && (err != nil || alive) {
			return fmt.Errorf("%w: it is a tmpfs, container %s has it, and memory cannot be shared between containers here"+
				"\n  fix: a volume without type=tmpfs", volume.ErrInUse, other.Name)
		}
	}
	return nil
}

// kindInVolume tells what a path in a volume or image mount is, for masks.
func (l *launch) kindInVolume(m *specs.Mount, path string) (exists, dir, known bool) {
	below := strings.TrimPrefix(path, filepath.Clean(m.Destination))
	if view := l.views[m.Destination]; view != nil {
		_, mode, exists, err := view.Resolve(filepath.Join(l.places[m.Destination].Sub, below))
		return exists || err != nil, mode.IsDir() || err != nil, true
	}
	if l.places[m.Destination] == nil {
		return false, false, false
	}
	var st unix.Stat_t
	switch unix.Lstat(m.Source+below, &st) {
	case nil:
		return true, st.Mode&unix.S_IFMT == unix.S_IFDIR, true
	case unix.ENOENT, unix.ENOTDIR:
		return false, false, true
	}
	return true, true, true
}

// releaseVolumes removes the anonymous volumes of a container that has moved to
// the trash. What it fails to, a sweep or `volume prune` finds.
func releaseVolumes(c storage.Containers, d *storage.Dir) {
	if claim, err := volume.ReadClaim(d); err == nil {
		_ = volume.Store{Data: c.Data}.RemoveOwned(d, claim)
	}
}

// layerMounts are the directories that overlays of volumes are mounted on.
func (l *launch) layerMounts() (dirs []string) {
	for _, p := range l.places {
		dirs = append(dirs, filepath.Join(p.Base, "root"))
	}
	return dirs
}
