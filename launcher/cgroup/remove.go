package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Add moves a process into the directories of version 1: CLONE_INTO_CGROUP is for
// version 2 alone.
func (h *Held) Add(pid int) error {
	for _, dir := range h.dirs() {
		if dir == h.Unified {
			continue
		}
		if err := setFile(dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return err
		}
	}
	return nil
}

// Delegate gives the group to a user of the container, ids being as this process
// sees them: what the kernel lists in /sys/kernel/cgroup/delegate, and no limit.
func (h *Held) Delegate(uid, gid int) error {
	if !h.V2() {
		return nil
	}
	if err := os.Chown(h.Unified, uid, gid); err != nil {
		return err
	}
	for _, f := range []string{"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
		if err := os.Chown(filepath.Join(h.Unified, f), uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// Remove kills what is left in the group, removes it, and lets go of it.
func (h *Held) Remove() {
	for _, dir := range h.dirs() {
		empty(dir)
	}
	h.Close()
}

// removeTime bounds how long a cgroup may take to become empty after its processes
// were killed.
const removeTime = 500 * time.Millisecond

// empty kills what is in a cgroup and removes it with all below it.
func empty(dir string) {
	if remove(dir) == nil {
		return
	}
	for deadline := time.Now().Add(removeTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		killAll(dir)
		_ = Thaw(dir) // version 1's freezer holds processes against SIGKILL
		if err := remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// remove removes the directories, the deepest first.
func remove(dir string) error {
	err := unix.Rmdir(dir)
	if err != unix.EBUSY && err != unix.ENOTEMPTY {
		if err == unix.ENOENT {
			return nil
		}
		return err
	}
	entries, rerr := os.ReadDir(dir)
	if rerr != nil {
		return rerr
	}
	for _, e := range entries {
		if e.IsDir() {
			_ = remove(filepath.Join(dir, e.Name()))
		}
	}
	return unix.Rmdir(dir)
}

// killAll kills all processes in a cgroup and below it (cgroup.kill: Linux 5.14).
func killAll(dir string) {
	if setFile(dir, "cgroup.kill", "1") == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			for _, f := range strings.Fields(textOf(path, "cgroup.procs")) {
				if pid, err := strconv.Atoi(f); err == nil && pid > 1 && pid != os.Getpid() {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
			}
		}
		return nil
	})
}

// RemoveUnheld removes the directories of a group that nobody holds.
func (g Group) RemoveUnheld() {
	for _, dir := range g.dirs() {
		sweepOne(dir)
	}
}

// sweepOne removes a cgroup that nobody holds: its supervisor was killed.
func sweepOne(dir string) {
	fd, err := lock(dir, unix.LOCK_EX)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	empty(dir)
}

// Sweep removes cgroups of containers, beside this one, that nobody holds.
func (g Group) Sweep() {
	for _, dir := range g.dirs() {
		parent := filepath.Dir(dir)
		if filepath.Base(dir) == containerDir { // in a scope, beside others
			parent = filepath.Dir(parent)
		}
		entries, err := os.ReadDir(parent)
		if err != nil {
			continue
		}
		for _, e := range entries {
			id, ok := strings.CutPrefix(e.Name(), prefix)
			id, scope := strings.CutSuffix(id, ".scope")
			if !ok || !validID(id) {
				continue
			}
			name := filepath.Join(parent, e.Name())
			if scope {
				name = filepath.Join(name, containerDir)
			}
			sweepOne(name)
		}
	}
}

// validID tells a container's id: 64 hexadecimal digits.
func validID(id string) bool {
	return len(id) == 64 && strings.Trim(id, "0123456789abcdef") == ""
}

// Clear removes what was made below the group, so that a process can be in it
// again.
func (h *Held) Clear() {
	if !h.V2() {
		return
	}
	entries, err := os.ReadDir(h.Unified)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			empty(filepath.Join(h.Unified, e.Name()))
		}
	}
	for _, c := range strings.Fields(textOf(h.Unified, "cgroup.subtree_control")) {
		_ = setFile(h.Unified, "cgroup.subtree_control", "-"+c)
	}
}

// EnterThread moves the calling thread into the directories of version 1, which
// know threads: what it clones from then on is there, too.
func (h *Held) EnterThread() error {
	if h == nil {
		return nil
	}
	for _, dir := range h.dirs() {
		if dir == h.Unified {
			continue
		}
		if err := setFile(dir, "tasks", "0"); err != nil {
			return err
		}
	}
	return nil
}
