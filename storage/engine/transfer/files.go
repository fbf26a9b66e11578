//go:build containers_image_openpgp

package transfer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// layerFiles reads a layer's files by the names they had in its archive. Links
// in the layer are followed as they were when it was unpacked, with the layer as
// root (openat2(2), RESOLVE_IN_ROOT, Linux 5.6): no name leads out of it.
type layerFiles []*os.File

func openFiles(dirs []string) (layerFiles, error) {
	var f layerFiles
	for _, dir := range dirs {
		d, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			f.close()
			return nil, err
		}
		f = append(f, d)
	}
	return f, nil
}

func (f layerFiles) close() {
	for _, d := range f {
		d.Close()
	}
}

// Get implements storage.FileGetter of tar-split.
func (f layerFiles) Get(name string) (io.ReadCloser, error) {
	err := error(unix.ENOENT)
	for _, dir := range f {
		var file *os.File
		if file, err = openIn(dir, name); err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.ENOENT) {
			break
		}
	}
	return nil, err
}

func openIn(dir *os.File, name string) (*os.File, error) {
	how := unix.OpenHow{
		// Not blocking: in the place of the file there may be a named pipe.
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := unix.Openat2(int(dir.Fd()), name, &how)
	for errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) { // a rename somewhere raced with ".."
		fd, err = unix.Openat2(int(dir.Fd()), name, &how)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	file := os.NewFile(uintptr(fd), name)
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", name)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
