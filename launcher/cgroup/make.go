package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Held is a cgroup that this process keeps from being swept: it has a shared lock
// on each of its directories, which nobody can have who wants to remove it. The
// lock says whose it is, and ends with the process.
type Held struct {
	Group
	fds []int
	// unified is one of fds, or -1.
	unified int
}

// Make makes the cgroup. What a launch that was killed has left under its name is
// removed first.
func (p *Place) Make() (*Held, error) {
	if p.Group.V2() {
		parent := filepath.Dir(p.Group.Unified)
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return nil, fmt.Errorf("cannot make the cgroup's parent: %w", err)
		}
		if p.split {
			if err := aside(parent); err != nil {
				return nil, err
			}
		}
		if err := enable(parent, p.top, p.needs); err != nil {
			return nil, err
		}
	}
	return p.Group.make()
}

// MakeIn makes the cgroup in a scope, and one for the supervisor, which it moves
// there: a cgroup that has controllers for those below it can have no processes.
func (p *Place) MakeIn(scope string, supervisor int) (*Held, error) {
	dir := filepath.Join(scope, supervisorDir)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the supervisor's cgroup: %w", err)
	}
	if err := setFile(dir, "cgroup.procs", strconv.Itoa(supervisor)); err != nil {
		return nil, fmt.Errorf("cannot move the supervisor into its cgroup: %w", err)
	}
	all := known(textOf(scope, "cgroup.controllers"))
	for _, c := range p.needs {
		if !slices.Contains(all, c) {
			return nil, &Refused{
				Kind: ErrNotDelegated, Flag: "a limit of " + c, Why: "systemd made a scope without the " + c + " controller, with " + strings.Join(all, " "),
				Fix: "add it to Delegate= in " + DropIn,
			}
		}
	}
	if err := enable(scope, scope, all); err != nil {
		return nil, err
	}
	p.Group.Unified = filepath.Join(scope, containerDir)
	return p.Group.make()
}

// dirs are all directories of a group, in an order that does not change.
func (g Group) dirs() (all []string) {
	for _, dir := range g.V1 {
		if !slices.Contains(all, dir) { // cpu and cpuacct are often one hierarchy
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	if at := slices.Index(all, g.V1["freezer"]); at > 0 { // the first: what is frozen leaves no other
		copy(all[1:], all[:at])
		all[0] = g.V1["freezer"]
	}
	if g.Unified != "" {
		all = append(all, g.Unified)
	}
	return all
}

// makeTries is how often a directory is made that is swept before it is held.
const makeTries = 20

func (g Group) make() (*Held, error) {
	g.RemoveUnheld()
	h := &Held{Group: g, unified: -1}
	for _, dir := range g.dirs() {
		fd, err := -1, error(nil)
		for range makeTries {
			if err = os.MkdirAll(dir, 0o755); err != nil {
				break
			}
			if c := g.controllerOf(dir); c == "cpuset" {
				inherit(dir)
			}
			if fd, err = hold(dir); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		if err != nil {
			h.Remove()
			return nil, fmt.Errorf("cannot make the container's cgroup: %w", err)
		}
		h.add(dir, fd)
	}
	return h, nil
}

func (h *Held) add(dir string, fd int) {
	h.fds = append(h.fds, fd)
	if dir == h.Unified {
		h.unified = fd
	}
}

func (g Group) controllerOf(dir string) string {
	if g.V1["cpuset"] == dir {
		return "cpuset"
	}
	return ""
}

// inherit fills in what a new cpuset of version 1 lacks: without it no process can
// be there (cpuset(7)).
func inherit(dir string) {
	for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
		if strings.TrimSpace(textOf(dir, f)) == "" {
			_ = setFile(dir, f, strings.TrimSpace(textOf(filepath.Dir(dir), f)))
		}
	}
}

// hold opens a directory with a shared lock on it. It is fs.ErrNotExist when
// somebody removed it meanwhile.
func hold(dir string) (int, error) { return lock(dir, unix.LOCK_SH) }

func lock(dir string, how int) (int, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	if err := unix.Flock(fd, how|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		if err == unix.EWOULDBLOCK && how == unix.LOCK_SH {
			err = unix.ENOENT // who has the other lock is about to remove it
		}
		return -1, &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	var mine, named unix.Stat_t
	if unix.Fstat(fd, &mine) != nil || unix.Stat(dir, &named) != nil || mine.Ino != named.Ino {
		unix.Close(fd)
		return -1, &fs.PathError{Op: "lock", Path: dir, Err: unix.ENOENT}
	}
	return fd, nil
}

// Hold takes part in holding a group that another process has made.
func Hold(g Group) (*Held, error) {
	h := &Held{Group: g, unified: -1}
	for _, dir := range g.dirs() {
		fd, err := hold(dir)
		if err != nil {
			h.Close()
			return nil, fmt.Errorf("the container's cgroup: %w", err)
		}
		h.add(dir, fd)
	}
	return h, nil
}

// FD is a descriptor of the version 2 directory, for CLONE_INTO_CGROUP, or -1.
func (h *Held) FD() int {
	if h == nil {
		return -1
	}
	return h.unified
}

// Close lets go of the group; it may be swept then.
func (h *Held) Close() {
	for _, fd := range h.fds {
		unix.Close(fd)
	}
	h.fds, h.unified = nil, -1
}

// Write writes limits into version 2's files. A limit whose file does not exist is
// an error, and so is one that the kernel refuses.
func (g Group) Write(r *specs.LinuxResources) error {
	for _, s := range Settings(r, true) {
		file, value := s.File, s.Value
		if s.Else != "" && !exists(g.Unified, file) {
			file, value = s.Else, s.ElseValue
		}
		if !exists(g.Unified, file) {
			if s.Optional || unlimitedValue(value) {
				continue // there is no limit without the file, either
			}
			return &Refused{
				Kind: ErrNotDelegated, Flag: "--" + s.Name, Why: "the cgroup has no file " + file + ": the kernel or its " + s.Controller + " controller lacks it",
				Fix: "coracle doctor   (what can be limited here)",
			}
		}
		if err := setFile(g.Unified, file, value); err != nil {
			return fmt.Errorf("--%s %s cannot be set: %w", s.Name, s.Asked, err)
		}
	}
	return nil
}

// unlimitedValue tells a value that says "no limit".
func unlimitedValue(v string) bool { return v == "max" || strings.HasPrefix(v, "max ") || v == "0" }

func exists(dir, file string) bool { return unix.Access(filepath.Join(dir, file), unix.F_OK) == nil }

// write writes a file of a cgroup in one write, as the kernel wants it.
func setFile(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}
