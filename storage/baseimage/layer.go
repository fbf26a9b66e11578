package baseimage

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// entry is one file of a layer. A name that ends in "/" is a directory, an entry
// with a link a symbolic link, anything else a regular file.
type entry struct {
	name string
	mode int64 // permission bits
	id   int   // owner, uid and gid
	link string
	body []byte
}

// header is the tar header of an entry.
func (e entry) header(when time.Time) *tar.Header {
	h := &tar.Header{
		Name: e.name, Mode: e.mode, Uid: e.id, Gid: e.id, ModTime: when,
		Typeflag: tar.TypeReg, Size: int64(len(e.body)), Format: tar.FormatUSTAR,
	}
	switch {
	case strings.HasSuffix(e.name, "/"):
		h.Typeflag = tar.TypeDir
	case e.link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
	}
	return h
}

// writeTar writes entries sorted by name: parents come before what is in them.
func writeTar(w io.Writer, entries []entry, when time.Time) error {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	out := tar.NewWriter(w)
	for i, e := range entries {
		if i > 0 && strings.TrimSuffix(entries[i-1].name, "/") == strings.TrimSuffix(e.name, "/") {
			return fmt.Errorf("%q is in the archive twice", e.name)
		}
		if err := out.WriteHeader(e.header(when)); err != nil {
			return err
		}
		if _, err := out.Write(e.body); err != nil {
			return err
		}
	}
	return out.Close()
}

// layer is a finished layer.
type layer struct {
	diffID string // digest of the archive
	blob   []byte // the archive, compressed
}

func makeLayer(entries []entry, when time.Time) (layer, error) {
	var plain, packed bytes.Buffer
	if err := writeTar(&plain, entries, when); err != nil {
		return layer{}, err
	}
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression) // no name, no time
	if err != nil {
		return layer{}, err
	}
	if _, err := zip.Write(plain.Bytes()); err != nil {
		return layer{}, err
	}
	if err := zip.Close(); err != nil {
		return layer{}, err
	}
	return layer{digest(plain.Bytes()), packed.Bytes()}, nil
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
