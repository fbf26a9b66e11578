package storage

import "golang.org/x/sys/unix"

// joined tells which layers have a part in a directory, by the rules that
// [merged] has: all down to one that is opaque, or that has something else of
// the name.
func (c *copier) joined(p place) (dirJob, error) {
	below := dirJob{path: p.path, sources: p.sources[:1]}
	if c.keepMarks {
		return below, nil
	}
	for i := range p.parts {
		fd, err := openat(p.parts[i], p.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
		if err == unix.ENOENT {
			continue
		}
		if err == unix.ENOTDIR || err == unix.ELOOP {
			break
		}
		if err != nil {
			return below, err
		}
		hides, err := opaque(fd)
		unix.Close(fd)
		if err != nil {
			return below, err
		}
		if i > 0 {
			below.sources = append(below.sources[:len(below.sources):len(below.sources)], p.sources[i])
		}
		if hides {
			break
		}
	}
	return below, nil
}

// isWhiteout tells whether a name, whose state is st, hides those beneath it: a
// device 0:0, or in a directory that says so an empty file with an attribute
// (Linux 6.7; layers that were made inside of a container have it).
func isWhiteout(dir int, name string, st *unix.Stat_t) bool {
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFCHR:
		return st.Rdev == 0
	case st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != 0:
		return false
	}
	var value [2]byte
	if _, err := unix.Lgetxattr(procPath(dir)+"/"+name, overlayXattr+"whiteout", value[:]); err != nil && err != unix.ERANGE {
		return false
	}
	n, err := unix.Getxattr(procPath(dir), overlayXattr+"opaque", value[:])
	return err == nil && n == 1 && value[0] == 'x'
}
