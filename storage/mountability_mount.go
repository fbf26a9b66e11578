package storage

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// overlayOf mounts overlay with options whose directories are relative to dir,
// and returns the detached mount's root. No process changes its directory for
// it: a short way to dir leads over the procfs.
func overlayOf(dir string, lower, upper []string) (int, error) {
	at, err := openat(unix.AT_FDCWD, dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetFlag(fs, "userxattr"); err != nil {
		return -1, err
	}
	for _, option := range append(lower, upper...) {
		key, name, _ := strings.Cut(option, "=")
		if plus, rest, ok := strings.Cut(option, "+="); ok {
			key, name = plus+"+", rest
		}
		if err := unix.FsconfigSetString(fs, key, filepath.Join(procPath(at), name)); err != nil {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
}
