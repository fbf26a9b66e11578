package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"coracle/storage"
)

// rootEnv chooses how the container gets its root file system.
const rootEnv = "CORACLE_ROOTFS"

// errStack says that the root file system could not be mounted as planned.
var errStack = errors.New("the root file system cannot be mounted")

type stackError struct{ text string }

func (e *stackError) Error() string { return e.text }
func (e *stackError) Unwrap() error { return errStack }

// wayFact is the fact that tells how a kept container's root was made; without
// it, by overlay.
const wayFact = "rootway"

// chooseWay decides how the root file system is made: as the environment says,
// else as was found out since the last boot, when overlay had failed, else with
// overlay. The usual launch pays one failed open for it.
func (l *launch) chooseWay() error {
	if err := storage.CheckFS(l.paths.Data, "data directory", []string{"export XDG_DATA_HOME=DIR"}); err != nil {
		return err
	}
	if l.image == nil && !l.rootfsOverlay {
		l.way = storage.RootOverlay
		return nil
	}
	asked := os.Getenv(rootEnv)
	if l.again != nil { // its changes lie there in that way
		b, err := l.again.dir.ReadFact(wayFact)
		if asked = strings.TrimSpace(string(b)); err != nil {
			asked = string(storage.RootOverlay)
		}
	}
	way, err := storage.ParseRootWay(asked)
	if err != nil {
		return fmt.Errorf("%s: %w", rootEnv, err)
	}
	if l.wayAsked = way != ""; !l.wayAsked {
		found, _ := storage.HostFact(l.paths.Data, storage.FactRoot, storage.HostKey)
		way = storage.RootWay(found)
	}
	switch l.way = way; way {
	case storage.RootFuse:
		l.fuse, err = findFuse()
	case storage.RootCopy:
	default:
		l.way = storage.RootOverlay
	}
	return err
}

// findFuse is the path of fuse-overlayfs.
func findFuse() (string, error) {
	for _, name := range []string{"fuse-overlayfs", "/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs"} {
		if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", errors.New("fuse-overlayfs is not installed\n  fix: sudo apt install fuse-overlayfs   (or dnf, pacman, zypper, apk)")
}

// copyRoot makes the root file system where nothing can be stacked: the whole of
// it in the container's upper directory.
func (l *launch) copyRoot(ctx context.Context, d *storage.Dir) error {
	if l.way == storage.RootOverlay || l.again != nil {
		return nil
	}
	if l.way == storage.RootCopy {
		r := l.shiftRequest(taskCopy)
		r.Dest, r.Keep = d.Upper(), d.Keep
		if err := l.ask(ctx, r); err != nil {
			return err
		}
	}
	return d.WriteFact(wayFact, []byte(string(l.way)+"\n"))
}

// fallBack finds, after overlay has failed with cause, another way for this and
// all launches until the next boot, and says which. It reports whether there is
// one; if overlay works after all, the cause is another.
func (l *launch) fallBack(ctx context.Context, stderr io.Writer, cause error) (bool, error) {
	if !errors.Is(cause, errStack) || l.wayAsked || l.way != storage.RootOverlay {
		return false, nil
	}
	r := shiftRequest{Task: taskProbe, Data: l.paths.Data}
	r.Fuse, _ = findFuse() // without it there is the copy
	if err := l.ask(ctx, r); err != nil {
		return false, err
	}
	found, ok := storage.HostFact(r.Data, storage.FactRoot, storage.HostKey)
	if !ok {
		return false, nil
	}
	if !l.options.Quiet {
		fmt.Fprintf(stderr, "coracle: %s\n", wayText(storage.RootWay(found), r.Data))
	}
	return true, nil
}

// wayText says what a way costs, and how to be rid of it.
func wayText(way storage.RootWay, data string) string {
	place := "  fix: export XDG_DATA_HOME=… to a directory on ext4, xfs, btrfs or tmpfs"
	if way == storage.RootFuse {
		return "the kernel's overlay cannot be used in " + data + ": fuse-overlayfs serves the containers' files, several times slower\n" + place
	}
	return "the kernel's overlay cannot be used in " + data + ": each container gets a copy of its image first, which takes its time and space\n" +
		place + "\n  or:  sudo apt install fuse-overlayfs, and rm -r " + filepath.Join(data, "host")
}

// probe is the helper's task that fallBack asks for.
func (r shiftRequest) probe() error {
	err := storage.ProbeOverlay(r.Data)
	if !errors.Is(err, storage.ErrNoOverlay) {
		return errors.Join(err, storage.WriteHostFact(r.Data, storage.FactRoot, r.Key, ""))
	}
	way := storage.RootCopy
	if r.Fuse != "" && tryFuse(r.Data, r.Fuse) == nil {
		way = storage.RootFuse
	}
	return storage.WriteHostFact(r.Data, storage.FactRoot, r.Key, string(way))
}
