package rootfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
)

// volumes mounts in a stopped container's root what it would see of the host: its
// volumes. Memory file systems have lost what was in them, /proc and /sys show
// processes that there are none of: they stay empty.
func (o *Opener) volumes(s *space, r *Root) error {
	spec, err := r.Container.Spec()
	if err != nil {
		return err
	}
	for _, m := range spec.Mounts {
		if ours(m.Destination) {
			continue
		}
		switch {
		case m.Type == "bind" && filepath.IsAbs(m.Source):
			err = s.do(func() error { return attach(r.FD, m, m.Source) })
		case m.Type == "overlay":
			err = overlay(s, r, m)
		}
		if err != nil {
			return fmt.Errorf("cannot mount the volume at %s: %w", m.Destination, err)
		}
	}
	return nil
}

// ours tells what a launch mounts by itself.
func ours(dest string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if dest == dir || strings.HasPrefix(dest, dir+"/") {
			return true
		}
	}
	return false
}

// attach mounts a directory or file of the host at the volume's place, which the
// kernel finds beneath the root.
func attach(root int, m specs.Mount, source string) error {
	how := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if slices.Contains(m.Options, "rbind") {
		how |= unix.AT_RECURSIVE
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, source, how)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	defer unix.Close(tree)
	if slices.Contains(m.Options, "ro") || slices.Contains(m.Options, "rro") {
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return fmt.Errorf("cannot make it read-only: %w", err)
		}
	}
	how2 := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	place, err := unix.Openat2(root, strings.TrimLeft(m.Destination, "/"), &how2)
	if errors.Is(err, unix.ENOENT) {
		return nil // it never came to be mounted
	}
	if err != nil {
		return err
	}
	defer unix.Close(place)
	return unix.MoveMount(tree, "", place, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// overlay mounts a volume whose changes lie beside the container's.
func overlay(s *space, r *Root, m specs.Mount) error {
	v := plan.Root{Dir: "/", Lower: []string{m.Source}}
	for _, option := range m.Options {
		if dir, ok := strings.CutPrefix(option, "upperdir="); ok {
			v.Upper = dir
		}
		if dir, ok := strings.CutPrefix(option, "workdir="); ok {
			v.Work = dir
		}
	}
	v.Mount = filepath.Join(filepath.Dir(v.Upper), "root")
	if err := s.mount(v); err != nil {
		return err
	}
	return s.do(func() error { return attach(r.FD, m, v.Mount) })
}

// IsVolume tells mounts that the user asked for from those of every launch.
func IsVolume(m specs.Mount) bool {
	return !ours(m.Destination) && (m.Type == "bind" || m.Type == "overlay") && filepath.IsAbs(m.Source)
}
