package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// snapshot is a root file system as a tar shows it: what each path is, without
// its content. Equal values are equal files.
type snapshot map[string]member

type member struct {
	state string // header and a hash of the content
	link  string // of a hard link: the path it is the same file as
}

// readSnapshot reads a tar of a whole root file system.
func readSnapshot(in io.Reader) (snapshot, error) {
	s := snapshot{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, r); err != nil {
			return nil, err
		}
		m := member{state: stateOf(h, hex.EncodeToString(sum.Sum(nil)))}
		if h.Typeflag == tar.TypeLink {
			m.link = memberName(h.Linkname)
		}
		s[memberName(h.Name)] = m
	}
}

func stateOf(h *tar.Header, sum string) string {
	var attributes []string
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if strings.HasPrefix(key, "SCHILY.xattr.") {
			attributes = append(attributes, key+"="+h.PAXRecords[key])
		}
	}
	return fmt.Sprint(h.Typeflag, h.Mode, h.Uid, h.Gid, h.Size, h.ModTime.UnixNano(), h.Linkname, h.Devmajor, h.Devminor, attributes, sum)
}

func memberName(name string) string { return path.Clean("./" + strings.TrimLeft(name, "/")) }

// changed are the paths that a layer on top of before must hold to give after. A
// layer with a hard link holds what it leads to as well.
func (after snapshot) changed(before snapshot) map[string]bool {
	list := map[string]bool{}
	for name, m := range after {
		if before[name].state != m.state {
			list[name] = true
			if m.link != "" {
				list[m.link] = true
			}
		}
	}
	// The other names of a file that is in the layer are names of that file.
	for name, m := range after {
		if m.link != "" && list[m.link] {
			list[name] = true
		}
	}
	return list
}

// gone are the paths that a layer must say are deleted: the highest of each tree.
func (after snapshot) gone(before snapshot) (list []string) {
	for name := range before {
		_, still := after[name]
		_, parent := after[path.Dir(name)]
		if !still && parent {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// writeLayer writes the layer that turns before into after, whose tar is in.
func writeLayer(out io.Writer, in io.Reader, before, after snapshot) error {
	w := tar.NewWriter(out)
	wanted := after.changed(before)
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := memberName(h.Name)
		if name == "." || !wanted[name] {
			continue
		}
		h.Name = name
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		if h.Typeflag == tar.TypeLink {
			h.Linkname = memberName(h.Linkname)
		}
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := io.Copy(w, r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range after.gone(before) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(path.Dir(name), whiteout+path.Base(name)), Mode: 0o600}
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	return w.Close()
}
