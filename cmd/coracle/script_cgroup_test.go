package main_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// delegatedDir is the cgroup of a script's user, below the root of version 2.
func delegatedDir(uid int) string { return "coracle-test-" + strconv.Itoa(uid) }

// delegateTo puts this process, still root, in a cgroup that is the user's, below
// one that is, too: what a service manager does with Delegate=yes.
func delegateTo(uid, gid int) error {
	top := filepath.Join("/sys/fs/cgroup", delegatedDir(uid))
	session := filepath.Join(top, "session")
	if err := os.MkdirAll(session, 0o755); err != nil {
		return err
	}
	for _, dir := range []string{top, session} {
		for _, f := range []string{"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
			if err := os.Chown(filepath.Join(dir, f), uid, gid); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(session, "cgroup.procs"), []byte("0"), 0)
}

// cgroupsOf lists the cgroups of containers that are left in a script's user's
// cgroup, and removes that when there is none.
func cgroupsOf(uid int) (left []string) {
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		top := filepath.Join(root, delegatedDir(uid))
		var dirs []string
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			dirs = append(dirs, path)
			if strings.HasPrefix(d.Name(), "coracle-") && len(d.Name()) == len("coracle-")+64 {
				left = append(left, "cgroup: "+path)
			}
			return nil
		})
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				left = append(left, fmt.Sprintf("cgroup: %v", err))
			}
			continue
		}
		for i := len(dirs) - 1; i >= 0 && left == nil; i-- {
			_ = unix.Rmdir(dirs[i]) // the deepest first
		}
	}
	return left
}
