package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// enable gives the cgroups below dir controllers, from top downwards.
func enable(dir, top string, controllers []string) error {
	var missing []string
	on := known(textOf(dir, "cgroup.subtree_control"))
	for _, c := range controllers {
		if !slices.Contains(on, c) {
			missing = append(missing, c)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if dir != top && strings.HasPrefix(dir, top) && !contains(known(textOf(dir, "cgroup.controllers")), missing) {
		if err := enable(filepath.Dir(dir), top, missing); err != nil {
			return err
		}
	}
	for _, c := range missing {
		if err := setFile(dir, "cgroup.subtree_control", "+"+c); err != nil {
			return fmt.Errorf("cannot enable the %s controller in %s: %w", c, dir, err)
		}
	}
	return nil
}

// asideDir is where the processes of a cgroup go that is to have others below it.
const asideDir = "coracle-others"

// asideTime bounds how long processes may go on appearing in a cgroup that is to be
// empty. A move waits for the kernel's other processors: on an emulated one, 100 ms.
const asideTime = 10 * time.Second

// aside moves all processes of a cgroup into one below it.
func aside(dir string) error {
	to := filepath.Join(dir, asideDir)
	if err := os.Mkdir(to, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("cannot make room in the cgroup: %w", err)
	}
	// They may fork meanwhile, and one that is just ending cannot be moved.
	for deadline := time.Now().Add(asideTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		pids := strings.Fields(textOf(dir, "cgroup.procs"))
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := setFile(to, "cgroup.procs", pid); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("cannot move process %s out of %s: %w", pid, dir, err)
			}
		}
	}
	return fmt.Errorf("processes keep appearing in %s\n  fix: start it in a cgroup where nothing else is", dir)
}

// Enable makes sure that a group has the controllers that limits need; one made
// without limits may not. Where that cannot be done, setting them says so.
func (g Group) Enable(r *specs.LinuxResources) error {
	if !g.V2() {
		return nil
	}
	var missing []string
	have := known(textOf(g.Unified, "cgroup.controllers"))
	for _, n := range needs(r) {
		if !slices.Contains(have, n.controller) && !slices.Contains(missing, n.controller) {
			missing = append(missing, n.controller)
		}
	}
	top := filepath.Dir(g.Unified)
	for above := filepath.Dir(top); writable(filepath.Join(above, "cgroup.subtree_control")); above = filepath.Dir(above) {
		top = above
	}
	return enable(filepath.Dir(g.Unified), top, missing)
}
