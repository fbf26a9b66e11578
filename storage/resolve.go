package storage

import (
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxLinks = 40   // as the kernel, path_resolution(7)
	maxPath  = 4096 // PATH_MAX, limits.h
	// maxSteps bounds the names looked up for one path, each layer counted. The
	// kernel has no such bound, but 40 links of 4,000 bytes each through a
	// hundred layers would take seconds here; this is half a second.
	maxSteps = 1 << 17
)

// location is how far a path has been followed.
type location struct {
	path    []string // names from the root, no links, no dots
	dir     merged   // the directory there, if it is one
	file    int      // what is there when it is no directory, else -1
	stat    unix.Stat_t
	missing bool // nothing there; path is where it would be
}

func (l *location) close() {
	l.dir.close()
	if l.file >= 0 {
		unix.Close(l.file)
	}
	l.dir, l.file = merged{}, -1
}

// walk is one resolution in progress.
type walk struct {
	location
	view  *View
	links int
	steps int
}

// resolve follows name from the root. The caller closes the location.
func (v *View) resolve(name string) (*location, error) {
	if len(name) >= maxPath {
		return nil, unix.ENAMETOOLONG
	}
	if strings.IndexByte(name, 0) >= 0 {
		return nil, unix.EINVAL
	}
	w := &walk{view: v, location: location{file: -1}}
	err := w.restart(nil)
	for rest := name; err == nil && rest != ""; {
		var step string
		step, rest, _ = strings.Cut(rest, "/")
		rest, err = w.step(step, strings.TrimLeft(rest, "/"))
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return &w.location, nil
}

// step takes one name and returns what is left to follow, a link's target put
// before rest.
func (w *walk) step(name, rest string) (string, error) {
	switch {
	case name == "" || name == ".":
		return rest, nil
	case name == "..":
		// The parent's descriptors are not kept: their number would be the
		// depth times the layers. Parents are looked up again from the root.
		return rest, w.restart(w.path[:max(len(w.path)-1, 0)])
	case w.missing:
		w.path = append(w.path, name)
		return rest, nil
	}
	e, err := w.enter(name)
	if err != nil || e.file < 0 {
		return rest, err
	}
	if e.stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		if rest != "" {
			unix.Close(e.file)
			return "", unix.ENOTDIR
		}
		w.dir.close()
		w.dir, w.file, w.stat = merged{}, e.file, e.stat
		w.path = append(w.path, name)
		return "", nil
	}
	defer unix.Close(e.file)
	return w.follow(e.file, rest)
}

// enter looks a name up and goes there when it is a directory or missing.
func (w *walk) enter(name string) (entry, error) {
	if w.steps += len(w.dir.layers); w.steps > maxSteps {
		return entry{file: -1}, fmt.Errorf("more than %d look-ups: %w", maxSteps, unix.ELOOP)
	}
	e, err := w.dir.lookup(name)
	if err != nil || e.file >= 0 {
		return e, err
	}
	w.dir.close()
	w.dir, w.stat, w.missing = e.dir, e.stat, !e.dir.exists()
	w.path = append(w.path, name)
	return e, nil
}

// follow replaces a link by its target.
func (w *walk) follow(link int, rest string) (string, error) {
	if w.links++; w.links > maxLinks {
		return "", unix.ELOOP
	}
	buf := make([]byte, maxPath)
	n, err := unix.Readlinkat(link, "", buf) // no name: the link itself, Linux 2.6.39
	if err != nil {
		return "", err
	}
	target := string(buf[:n])
	if strings.HasPrefix(target, "/") {
		err = w.restart(nil)
	}
	if rest != "" {
		target += "/" + rest
	}
	return strings.TrimLeft(target, "/"), err
}

// restart goes to a path that was walked already. What was missing may stay so.
func (w *walk) restart(path []string) error {
	roots, err := w.view.rootDir()
	if err != nil {
		return err
	}
	w.close()
	w.dir, w.missing, w.path = roots, false, w.path[:0]
	if err := unix.Fstat(roots.layers[0], &w.stat); err != nil {
		return err
	}
	for _, name := range path {
		if w.missing {
			w.path = append(w.path, name)
			continue
		}
		e, err := w.enter(name)
		if err != nil {
			return err
		}
		if e.file >= 0 { // a running container put a file where a directory was
			unix.Close(e.file)
			return fs.ErrNotExist
		}
	}
	return nil
}
