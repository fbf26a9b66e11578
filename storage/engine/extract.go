//go:build containers_image_openpgp

package engine

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"

	"coracle/storage/engine/decode"
)

// extract writes the OCI layout that an archive holds into dir. The library's
// own transport does that once for each question it is asked; we need it once.
// Only regular files with the names that image-layout.md gives are taken, so an
// archive has no say in where anything goes.
func extract(archive io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	plain, _, err := decode.Open(archive)
	if err != nil {
		return err
	}
	defer plain.Close()
	wanted := regexp.MustCompile(`^(oci-layout|index\.json|blobs/[a-z0-9]{1,32}/[a-f0-9]{32,128})$`)
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if name := path.Clean(h.Name); h.Typeflag == tar.TypeReg && wanted.MatchString(name) {
			if err := extractFile(root, name, r); err != nil {
				return err
			}
		}
	}
	if _, err := root.Stat("index.json"); errors.Is(err, fs.ErrNotExist) {
		return errors.New("it has no index.json, so it is no OCI layout")
	}
	return nil
}

func extractFile(root *os.Root, name string, r io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
