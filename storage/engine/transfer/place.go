//go:build containers_image_openpgp

package transfer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// replaceable refuses a directory that is there and is neither empty nor an
// image's: somebody mistyped.
func replaceable(path string) error {
	names, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	for _, mark := range []string{"oci-layout", "version"} { // of oci: and dir:
		if _, err := os.Stat(filepath.Join(path, mark)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s is a directory with other files in it\n  fix: name one that is not there yet", path)
}

// replace moves a directory to a path where another may be, in one step
// (renameat2(2), RENAME_EXCHANGE, Linux 3.15), and leaves the other one, if any,
// at the first path.
func replace(from, to string) error {
	err := os.Rename(from, to) // also over an empty directory
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		err = unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", to, err)
	}
	return nil
}

// tarDir writes a tree of files, in the order of their names, without times
// and owners: the same files give the same bytes.
func tarDir(ctx context.Context, out io.Writer, dir string) error {
	w := tar.NewWriter(out)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if e.IsDir() { // others make what is not there, and chown it
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, Format: tar.FormatUSTAR})
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if err := writeMember(w, name, info.Size()); err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		return err
	})
	if err != nil {
		return err
	}
	return w.Close()
}
