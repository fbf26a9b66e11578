package containerfs

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plant makes files in dir: "name/" is a directory, "name>target" a link,
// "name|" a pipe, "name!" a whiteout, "name=text" a file.
func plant(t *testing.T, dir string, entries ...string) {
	t.Helper()
	for _, e := range entries {
		switch {
		case strings.HasSuffix(e, "/"):
			check(t, os.MkdirAll(filepath.Join(dir, e), 0o755))
			continue
		case strings.Contains(e, ">"):
			name, target, _ := strings.Cut(e, ">")
			check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			check(t, os.Symlink(target, filepath.Join(dir, name)))
			continue
		}
		name, text, isFile := strings.Cut(e, "=")
		path := filepath.Join(dir, strings.TrimRight(name, "|!"))
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case isFile:
			check(t, os.WriteFile(path, []byte(text), 0o644))
		case strings.HasSuffix(e, "|"):
			check(t, unix.Mkfifo(path, 0o600))
		case strings.HasSuffix(e, "!"): // allowed to everybody since Linux 5.8
			check(t, unix.Mknod(path, unix.S_IFCHR, 0))
		default:
			t.Fatalf("cannot plant %q", e)
		}
	}
}

// rootAt opens a directory as a container's root.
func rootAt(t *testing.T, dir string) Root {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return Root{FD: fd, Owners: mine()}
}

// mine shows the tester's own ids as a container's root, so that files can be made
// by whoever tests.
func mine() Owners {
	return Owners{
		UIDs: idMap(0, uint32(os.Getuid())),
		GIDs: idMap(0, uint32(os.Getgid())),
	}
}

// seen describes what is below dir, in one line each.
func seen(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	check(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		switch {
		case e.IsDir():
			name += "/"
		case e.Type()&os.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			name += ">" + target
		case e.Type().IsRegular():
			data, _ := os.ReadFile(path)
			name += "=" + string(data)
		case e.Type()&os.ModeNamedPipe != 0:
			name += "|"
		}
		lines = append(lines, name)
		return nil
	}))
	return strings.Join(lines, " ")
}

// member is one of an archive's, given as in plant; "name@target" is a hard link.
func archive(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m, Mode: 0o644, Typeflag: tar.TypeReg}
		text := ""
		switch {
		case strings.HasSuffix(m, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case strings.HasSuffix(m, "|"):
			h.Name, h.Typeflag = strings.TrimSuffix(m, "|"), tar.TypeFifo
		case strings.HasSuffix(m, "!"):
			h.Name, h.Typeflag = strings.TrimSuffix(m, "!"), tar.TypeChar
		case strings.Contains(m, ">"):
			h.Name, h.Linkname, _ = strings.Cut(m, ">")
			h.Typeflag = tar.TypeSymlink
		case strings.Contains(m, "@"):
			h.Name, h.Linkname, _ = strings.Cut(m, "@")
			h.Typeflag = tar.TypeLink
		default:
			h.Name, text, _ = strings.Cut(m, "=")
			h.Size = int64(len(text))
		}
		check(t, w.WriteHeader(h))
		_, err := w.Write([]byte(text))
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}
