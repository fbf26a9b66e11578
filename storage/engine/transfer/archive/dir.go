//go:build containers_image_openpgp

package archive

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// dirTree is an OCI layout in a directory. The kernel keeps names and links in
// it.
type dirTree struct{ root *os.Root }

func (d dirTree) open(name string) (io.ReadCloser, int64, error) {
	name, err := clean(name)
	if err != nil {
		return nil, 0, err
	}
	// Not blocking: there may be a named pipe.
	f, err := d.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, bad("it has no %q: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = bad("%q is no file", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}
