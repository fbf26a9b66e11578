package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A member is an entry of an archive in the making.
type member struct {
	tar.Header
	body string
}

var when = time.Date(2020, 2, 3, 4, 5, 6, 789, time.UTC)

// Members, short.
func reg(name, body string) member {
	return member{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body)), ModTime: when}, body}
}

func dir(name string) member {
	return member{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: when}}
}

func sym(name, to string) member {
	return member{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to, Mode: 0o777, ModTime: when}}
}

func link(name, to string) member {
	return member{Header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to, Mode: 0o644, ModTime: when}}
}

func (m member) mode(mode int64) member { m.Mode = mode; return m }

func (m member) owner(uid, gid int) member { m.Uid, m.Gid = uid, gid; return m }

func (m member) kind(t byte) member { m.Typeflag = t; return m }

func (m member) pax(pairs ...string) member {
	m.PAXRecords = make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m.PAXRecords[pairs[i]] = pairs[i+1]
	}
	return m
}

// stream writes an archive.
func stream(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, m := range members {
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		if _, err := io.WriteString(w, m.body); err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// everyID maps all ids, as for real root.
func everyID() IDs { return IDs{{0, 1<<32 - 1}} }

// options are those for whoever runs the tests: root, or a user who owns
// whatever the archive says.
func options() Options {
	o := Options{UIDs: everyID(), GIDs: everyID(), UserNS: true}
	if os.Getuid() != 0 {
		o.UIDs, o.GIDs, o.Owners = nil, nil, Ignore
	}
	return o
}

// place where a test's stream goes, with a neighbour that it must not touch.
type world struct{ top, dest, victim string }

func newWorld(t testing.TB) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("root: files get owners")
	}
	top := t.TempDir()
	w := &world{top: top, dest: filepath.Join(top, "dest"), victim: filepath.Join(top, "victim")}
	for _, d := range []string{w.dest, w.victim} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.victim, "hello"), []byte("victim"), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) unpack(data []byte, o Options) (*Result, error) {
	return Unpack(context.Background(), bytes.NewReader(data), w.dest, o)
}

// state is what lies below a directory: a line for each file, with everything
// of it that a layer sets.
func state(t testing.TB, root string) []string {
	t.Helper()
	var out []string
	inodes := map[uint64]string{}
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		line := fmt.Sprintf("%s %o %d:%d %d %d:%d", rel, st.Mode, st.Uid, st.Gid, st.Rdev, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", data)
			if first, ok := inodes[st.Ino]; ok {
				line += " is " + first
			}
			inodes[st.Ino] = rel
		case unix.S_IFLNK:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			line += " -> " + to
		}
		out = append(out, line+xattrs(t, p))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func xattrs(t testing.TB, p string) string {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(p, buf)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00")
	slices.Sort(names)
	out := ""
	for _, name := range names {
		if name == "" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(p, name, value)
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf(" %s=%q", name, value[:n])
	}
	return out
}

func mustFail(t *testing.T, err, want error, says ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v\ndoes not say %q", err, s)
		}
	}
}
