package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

var (
	// ErrNotRegular says that a file which had to be regular is a directory, a
	// pipe, a socket or a device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge says that a file holds more than the reader was told to take.
	ErrTooLarge = errors.New("file too large")
	// ErrNoLayer says that a layer of the image cannot be opened: somebody
	// removed the image meanwhile, or the store is damaged. It is not
	// fs.ErrNotExist, which speaks of paths inside the image.
	ErrNoLayer = errors.New("cannot open a layer of the image")
)

// View is a read-only sight of an image's root file system before anything is
// mounted: the layers' directories lie over one another as overlay would show
// them, and symbolic links mean what they mean inside the container.
//
// A layer is hostile. Every step is one openat(2) of one name beneath a
// directory that is already open, never following a link, so no path leaves the
// layers; files are looked at (O_PATH) before they are opened, so a pipe or a
// device is never opened at all.
//
// A View reads with the rights of the process. Before it is mapped root, a user
// cannot look into directories of image users that are closed to others, and
// gets an error that is fs.ErrPermission.
type View struct {
	layers []string
	once   sync.Once
	roots  merged
	err    error
}

// NewView makes a view of layer directories, top first. They are opened when
// first needed. Close releases them.
func NewView(layersTopFirst []string) *View {
	return &View{layers: layersTopFirst}
}

// Close releases the descriptors of the layers. The view is of no use after.
func (v *View) Close() error {
	v.once.Do(func() {})
	v.roots.close()
	v.roots, v.err = merged{}, fs.ErrClosed
	return nil
}

// rootDir opens the layers, once.
func (v *View) rootDir() (merged, error) {
	v.once.Do(func() {
		if len(v.layers) == 0 {
			v.err = fmt.Errorf("%w: it has none", ErrNoLayer)
		}
		for _, layer := range v.layers {
			// The store's own path to a layer may lead through links.
			fd, err := openat(unix.AT_FDCWD, layer, unix.O_PATH|unix.O_DIRECTORY)
			if err != nil {
				v.err = fmt.Errorf("%w: %q: %v", ErrNoLayer, layer, err)
				return
			}
			v.roots.layers = append(v.roots.layers, fd)
		}
	})
	return merged{v.roots.layers, true}, v.err
}

// ReadFile returns the contents of a regular file of at most limit bytes. Name
// is a path inside the container, absolute or relative to its root; links are
// followed.
//
// Errors: fs.ErrNotExist, [ErrNotRegular], [ErrTooLarge], [ErrNoLayer], ELOOP for more than 40
// links, ENOTDIR for a path through a file.
func (v *View) ReadFile(name string, limit int64) ([]byte, error) {
	data, err := v.readFile(name, limit)
	if err != nil {
		return nil, fmt.Errorf("read %q in the image: %w", name, err)
	}
	return data, nil
}

func (v *View) readFile(name string, limit int64) ([]byte, error) {
	at, err := v.resolve(name)
	if err != nil {
		return nil, err
	}
	defer at.close()
	switch {
	case at.missing:
		return nil, fs.ErrNotExist
	case at.file < 0 || at.stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, ErrNotRegular
	case at.stat.Size > limit:
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrTooLarge, at.stat.Size, limit)
	}
	return readRegular(at.file, at.stat.Size, limit)
}

// readRegular reads a file through an O_PATH descriptor that is known to be a
// regular file. The size only sizes the buffer (at most limit): a file of a
// running container may grow meanwhile, and limit holds all the same.
func readRegular(path int, size, limit int64) ([]byte, error) {
	fd, err := reopen(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readAll(fd, size, limit)
}

func readAll(fd int, size, limit int64) ([]byte, error) {
	data := make([]byte, 0, size+1)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := ignoringEINTR(func() (int, error) { return unix.Read(fd, data[len(data):cap(data)]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return data, nil
		}
		data = data[:len(data)+n]
		if int64(len(data)) > limit {
			return nil, fmt.Errorf("%w: it grew over %d bytes", ErrTooLarge, limit)
		}
	}
}

// Resolve follows a path inside the container to its end, the last link
// included. Path has no links, no dots and no leading slash; the root is ".".
//
// A path that does not exist is not an error: exists is false, and path is
// where mkdir -p would make it, what is missing taken as directories.
func (v *View) Resolve(name string) (path string, mode fs.FileMode, exists bool, err error) {
	at, err := v.resolve(name)
	if err != nil {
		return "", 0, false, fmt.Errorf("resolve %q in the image: %w", name, err)
	}
	defer at.close()
	path = "."
	if len(at.path) > 0 {
		path = strings.Join(at.path, "/")
	}
	if at.missing {
		return path, 0, false, nil
	}
	return path, fileMode(at.stat.Mode), true, nil
}

// fileMode translates st_mode (inode(7)).
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFIFO:
		m |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= fs.ModeSocket
	case unix.S_IFBLK:
		m |= fs.ModeDevice
	case unix.S_IFCHR:
		m |= fs.ModeDevice | fs.ModeCharDevice
	}
	for _, bit := range []struct {
		unix uint32
		mode fs.FileMode
	}{{unix.S_ISUID, fs.ModeSetuid}, {unix.S_ISGID, fs.ModeSetgid}, {unix.S_ISVTX, fs.ModeSticky}} {
		if mode&bit.unix != 0 {
			m |= bit.mode
		}
	}
	return m
}
