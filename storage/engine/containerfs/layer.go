package containerfs

import (
	"archive/tar"
	"context"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// layerName is a path as layers have it: without the slash.
func layerName(p string) string { return p[1:] }

// Layer writes the changes as a layer (image-spec, layer.md) to a sink.
func (c *Changes) Layer(ctx context.Context, to Sink) error {
	t := Tree{Sink: to, Owners: c.Owners, Restore: true, seen: make(map[inode]string)}
	return c.walk(ctx, func(v *visit) error {
		if v.again {
			return nil
		}
		if v.Kind == Deleted {
			dir, name := path.Split(layerName(v.Path))
			return to.Add(mark(dir+".wh."+name), nil)
		}
		if is(&v.stat, unix.S_IFSOCK) {
			return nil
		}
		h, err := t.header(v.fd, &v.stat, layerName(v.Path))
		if err != nil {
			return fmt.Errorf("%q: %w", v.Path, err)
		}
		if h.Typeflag != tar.TypeReg {
			if err := to.Add(h, nil); err != nil || !v.opaque {
				return err
			}
			return to.Add(mark(layerName(v.Path)+"/.wh..wh..opq"), nil)
		}
		f, err := openFile(v.fd, v.Path)
		if err != nil {
			return fmt.Errorf("cannot open %q: %w", v.Path, err)
		}
		defer f.Close()
		return to.Add(h, f)
	})
}

func mark(name string) *tar.Header {
	return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0, Format: tar.FormatPAX}
}
