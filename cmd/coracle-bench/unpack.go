package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// unpackLayer applies a layer to the directory of those below it.
func unpackLayer(root *os.Root, blob, mediaType string) error {
	f, err := os.Open(blob)
	if err != nil {
		return err
	}
	defer f.Close()
	var in io.Reader = bufio.NewReader(f)
	switch mediaType {
	case imgspec.MediaTypeImageLayerGzip:
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		defer z.Close()
		in = z
	case imgspec.MediaTypeImageLayer:
	default:
		return fmt.Errorf("its media type is %q, which this program does not read", mediaType)
	}
	return applyTar(root, tar.NewReader(in))
}

// whiteout begins the name of an entry which says that another is gone.
const whiteout = ".wh."

// applyTar unpacks into a directory, and never out of it. Everything becomes
// the user's, who is root in all the containers; devices are left out.
func applyTar(root *os.Root, in *tar.Reader) error {
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean("./" + strings.TrimLeft(h.Name, "/"))
		if hidden, ok := strings.CutPrefix(path.Base(name), whiteout); ok {
			if err := root.RemoveAll(path.Join(path.Dir(name), hidden)); err != nil {
				return err
			}
			continue
		}
		if err := applyEntry(root, name, h, in); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func applyEntry(root *os.Root, name string, h *tar.Header, content io.Reader) error {
	mode := h.FileInfo().Mode().Perm()
	if h.Typeflag == tar.TypeDir {
		if err := root.MkdirAll(name, 0o755); err != nil {
			return err
		}
		return root.Chmod(name, mode|0o700)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch h.Typeflag {
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Chmod(mode), f.Close())
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return root.Link(path.Clean("./"+strings.TrimLeft(h.Linkname, "/")), name)
	}
	return nil
}
