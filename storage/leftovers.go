package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Leftover is something below [Paths.Data] that nobody owns: of a process that
// was killed before it was done.
type Leftover struct {
	Path string // relative to Data
	What string // in words
	// Foreign says that it is none: nobody of us made it, and nobody deletes it.
	Foreign bool
}

// Leftovers lists what [Containers.Reap] and [Containers.ReapFacts] would delete,
// and touches nothing: a lock that somebody holds is asked about, not taken.
func (c Containers) Leftovers() ([]Leftover, error) {
	var all []Leftover
	var errs []error
	for _, parent := range []string{keptDir, scratchDir, trashDir} {
		found, err := c.leftIn(parent)
		all, errs = append(all, found...), append(errs, err)
	}
	for _, name := range c.probes() {
		all = append(all, Leftover{Path: name, What: "trial that was interrupted"})
	}
	all = append(all, leftHostFacts(c.Data)...)
	names, err := readDir(filepath.Join(c.Data, namesDir))
	for _, name := range names {
		if c.stale(name) {
			all = append(all, Leftover{Path: filepath.Join(namesDir, name), What: "name of a container that is gone"})
		}
	}
	return all, errors.Join(append(errs, err)...)
}

// probePrefix begins the names of directories in which mounting is tried out;
// the pid of whoever tries follows.
const probePrefix = ".probe-"

// probes lists the trials whose process is gone.
func (c Containers) probes() (left []string) {
	names, _ := readDir(c.Data)
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, probePrefix)
		pid, _, _ := strings.Cut(rest, "-")
		if _, err := strconv.Atoi(pid); ok && err == nil && ended(pid) {
			left = append(left, name)
		}
	}
	return left
}

// ended tells that there is no such process, or that it only waits for its parent
// to take note (proc_pid_stat(5): field 3, after the last parenthesis).
func ended(pid string) bool {
	stat, err := readFact("/proc/"+pid+"/stat", 1<<12)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return true
	}
	after := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	return err == nil && len(after) > 0 && (after[0] == "Z" || after[0] == "X")
}

func (c Containers) reapProbes(ctx context.Context) (err error) {
	for _, name := range c.probes() {
		err = errors.Join(err, removeTree(ctx, filepath.Join(c.Data, name)))
	}
	return err
}

func (c Containers) leftIn(parent string) (all []Leftover, err error) {
	dir := filepath.Join(c.Data, parent)
	names, err := readDir(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		switch {
		case strings.HasPrefix(name, newPrefix):
			if parent != trashDir && beingMade(dir) {
				continue
			}
			all = append(all, Leftover{Path: filepath.Join(parent, name), What: "container that was never finished"})
		case parent == keptDir && ValidID(name):
			all = append(all, c.leftFacts(name)...)
		case held(path):
		case parent == scratchDir && !strings.HasPrefix(name, dotPrefix):
			all = append(all, Leftover{Path: filepath.Join(parent, name), What: "throw-away container that has ended"})
		case parent != keptDir, strings.HasPrefix(name, gonePrefix):
			all = append(all, Leftover{Path: filepath.Join(parent, name), What: "removed container"})
		default:
			all = append(all, Leftover{Path: filepath.Join(parent, name), What: "not a container's directory", Foreign: true})
		}
	}
	return all, nil
}

// beingMade tells that some process is making a directory in there: see publish.
func beingMade(dir string) bool {
	making, err := lockDir(dir, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return true
	}
	making.Close()
	return false
}

// held tells that somebody holds the lock of the container in a directory.
func held(path string) bool {
	f, err := openLock(filepath.Join(path, lockFile), false)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return false
	}
	if err != nil {
		return true // not knowing is no reason to call it garbage
	}
	defer f.Close()
	is, err := locked(f)
	return is || err != nil
}

// leftFacts lists facts that were being written when their writer, who holds the
// container's lock, was killed.
func (c Containers) leftFacts(id string) (all []Leftover) {
	if held(filepath.Join(c.Data, keptDir, id)) {
		return nil
	}
	names, _ := readDir(filepath.Join(c.Data, keptDir, id))
	for _, name := range names {
		if strings.HasPrefix(name, dotPrefix) {
			all = append(all, Leftover{Path: filepath.Join(keptDir, id, name), What: "unfinished fact"})
		}
	}
	return all
}

// ReapFacts deletes the facts that a killed process did not finish writing. It
// looks into every kept container, so it is for prune and repair only.
func (c Containers) ReapFacts(ctx context.Context) error {
	names, err := readDir(filepath.Join(c.Data, keptDir))
	for _, id := range names {
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !ValidID(id) || len(c.leftFacts(id)) == 0 {
			continue
		}
		d := &Dir{ID: id, Path: filepath.Join(c.Data, keptDir, id), Keep: true}
		if d.Acquire() != nil {
			continue // it is being removed
		}
		for _, left := range hidden(d.Path) {
			if e := os.RemoveAll(left); e != nil {
				err = errors.Join(err, e)
			}
		}
		d.release()
	}
	return errors.Join(err, reapHostFacts(c.Data))
}

func hidden(dir string) (paths []string) {
	names, _ := readDir(dir)
	for _, name := range names {
		if strings.HasPrefix(name, dotPrefix) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// RemoveTree deletes path and all below it as mapped root, whatever lies there:
// hostile names, directories of mode 000, trees deeper than any path is long. It
// needs no free space.
func RemoveTree(ctx context.Context, path string) error { return removeTree(ctx, path) }

// LeftShifted lists what [PruneShifted] would delete.
func LeftShifted(data string, keep func(layerID string) bool) (all []Leftover, err error) {
	dir := filepath.Join(data, shiftedDir)
	names, err := readDir(dir)
	for _, name := range names {
		id, _, _ := strings.Cut(name, "-")
		switch {
		case name == shiftedLock:
		case strings.HasPrefix(name, newPrefix):
			lock, e := lockDir(filepath.Join(dir, name), unix.LOCK_SH|unix.LOCK_NB)
			if e != nil {
				continue // being made, or finished just now
			}
			lock.Close()
			all = append(all, Leftover{Path: filepath.Join(shiftedDir, name), What: "unfinished copy of a layer"})
		case strings.HasPrefix(name, dotPrefix):
			all = append(all, Leftover{Path: filepath.Join(shiftedDir, name), What: "removed copy of a layer"})
		case !keep(id):
			all = append(all, Leftover{Path: filepath.Join(shiftedDir, name), What: "copy of a layer that is gone"})
		}
	}
	return all, err
}
