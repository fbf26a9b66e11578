package containerfs

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func dirAt(t testing.TB, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// pack makes a tar of members; owners are the test's own.
func pack(t testing.TB, members ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range members {
		text := h.PAXRecords["text"]
		h.PAXRecords = nil
		h.Size, h.Format = int64(len(text)), tar.FormatPAX
		if h.Uid == 0 {
			h.Uid, h.Gid = os.Geteuid(), os.Getegid()
		} else {
			h.Format = tar.FormatGNU // which has negative numbers
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		check(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, text)
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

func file(name, text string) tar.Header {
	return tar.Header{Name: name, PAXRecords: map[string]string{"text": text}}
}

func link(kind byte, name, to string) tar.Header {
	return tar.Header{Name: name, Linkname: to, Typeflag: kind}
}

// importInto imports, and wants that to end so.
func importInto(t testing.TB, path string, data []byte, want error) (devices int64) {
	t.Helper()
	devices, err := ImportVolume(context.Background(), dirAt(t, path), bytes.NewReader(data), Limits{})
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
	return devices
}

// aclOf is an access list that has one user in it, acl(5): linux/posix_acl_xattr.h.
func aclOf(uid int) string {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]int{{1, 7, -1}, {2, 5, uid}, {4, 5, -1}, {16, 5, -1}, {32, 5, -1}} {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, uint32(e[2]))
	}
	return string(b)
}

func TestVolumeRoundTrip(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	check(t, os.MkdirAll(filepath.Join(from, "d/e"), 0o750))
	check(t, os.WriteFile(filepath.Join(from, "d/file"), []byte("text"), 0o640))
	check(t, os.Link(filepath.Join(from, "d/file"), filepath.Join(from, "same")))
	check(t, os.Symlink("../outside", filepath.Join(from, "d/link")))
	check(t, unix.Mkfifo(filepath.Join(from, "fifo"), 0o600))
	check(t, unix.Chmod(filepath.Join(from, "d/file"), 0o4755))
	check(t, unix.Chmod(from, 0o1770))
	attrs := map[string]string{"user.note": "kept\x00too", OwnerAttr: "70000:7", "system.posix_acl_access": aclOf(os.Getuid())}
	for name, value := range attrs {
		if err := unix.Setxattr(filepath.Join(from, "d/file"), name, []byte(value), 0); err == unix.EOPNOTSUPP {
			delete(attrs, name)
		} else {
			check(t, err)
		}
	}
	far := time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC) // not to be told in nanoseconds
	check(t, os.WriteFile(filepath.Join(from, "far"), nil, 0o600))
	check(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(from, "far"), []unix.Timespec{{Sec: far.Unix()}, {Sec: far.Unix()}}, 0))
	long := strings.Repeat("n", 200)
	check(t, os.WriteFile(filepath.Join(from, long), nil, 0o600))
	old := time.Unix(1e9, 123456789)
	for _, name := range []string{"d/file", "d/e", "d", "."} {
		check(t, os.Chtimes(filepath.Join(from, name), old, old))
	}
	var one, two bytes.Buffer
	check(t, ExportVolume(context.Background(), dirAt(t, from), &one, nil))
	importInto(t, to, one.Bytes(), nil)
	check(t, ExportVolume(context.Background(), dirAt(t, to), &two, nil))
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("what was imported is not what was exported")
	}
	for name := range attrs {
		if _, err := xattr(filepath.Join(to, "d/file"), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(to, "same"), &st); err != nil || st.Nlink != 2 || st.Mode&0o7777 != 0o4755 || st.Mtim.Nsec != 123456789 {
		t.Errorf("%+v %v", st, err)
	}
}

func TestImportVolumeOverWhatIsThere(t *testing.T) {
	to := t.TempDir()
	check(t, os.WriteFile(filepath.Join(to, "file"), []byte("old and longer"), 0o600))
	check(t, os.Link(filepath.Join(to, "file"), filepath.Join(to, "other")))
	check(t, os.MkdirAll(filepath.Join(to, "d/stays"), 0o700))
	check(t, os.Mkdir(filepath.Join(to, "empty"), 0o700))
	check(t, os.Symlink("/etc", filepath.Join(to, "was")))
	importInto(t, to, nil, nil)
	devices := importInto(t, to, pack(t,
		file("file", "new"), tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o711}, tar.Header{Name: "was/", Typeflag: tar.TypeDir, Mode: 0o755},
		file("made/on/the/way", "x"), file("/absolute", "y"), file("./d/in", "z"), file("was/in", "w"),
		file("empty", "e"), tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3},
		link(tar.TypeLink, "hard", "made/on/the/way"), link(tar.TypeLink, "hard", "./hard"),
	), nil)
	for name, text := range map[string]string{"file": "new", "other": "old and longer", "made/on/the/way": "x", "absolute": "y", "d/in": "z", "was/in": "w", "hard": "x", "empty": "e"} {
		if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(b) != text {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(to, "d/stays")); err != nil {
		t.Error(err)
	}
	if fi, err := os.Lstat(filepath.Join(to, "d")); err != nil || fi.Mode().Perm() != 0o711 {
		t.Errorf("a directory that was there: %v %v", fi.Mode(), err)
	}
	if _, err := os.Lstat(filepath.Join(to, "null")); err == nil || devices != 1 {
		t.Errorf("a device was made, or not counted: %d", devices)
	}
}

// The vectors of containers/storage's archive_test.go, and some more.
func TestHostileArchives(t *testing.T) {
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	check(t, os.WriteFile(victim, []byte("safe"), 0o600))
	dirOf := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	for what, c := range map[string]struct {
		members []tar.Header
		want    error
	}{
		"up":                     {[]tar.Header{file("../victim", "x")}, ErrEscape},
		"up within":              {[]tar.Header{file("a/../../victim", "x")}, ErrEscape},
		"link, then through it":  {[]tar.Header{link(tar.TypeSymlink, "l", outside), file("l/victim", "x")}, ErrLink},
		"relative link":          {[]tar.Header{link(tar.TypeSymlink, "l", "../"+filepath.Base(outside)), file("l/victim", "x")}, ErrLink},
		"chain":                  {[]tar.Header{link(tar.TypeSymlink, "a", "b"), link(tar.TypeSymlink, "b", outside), file("a/victim", "x")}, ErrLink},
		"link within":            {[]tar.Header{dirOf("d/"), link(tar.TypeSymlink, "l", "d"), file("l/x", "x")}, ErrLink},
		"hard link up":           {[]tar.Header{link(tar.TypeLink, "h", "../victim"), file("h", "x")}, ErrEscape},
		"hard link through link": {[]tar.Header{link(tar.TypeSymlink, "l", outside), link(tar.TypeLink, "h", "l/victim")}, ErrLink},
		"hard link to nothing":   {[]tar.Header{link(tar.TypeLink, "h", "none")}, unix.ENOENT},
		"hard link to the root":  {[]tar.Header{link(tar.TypeLink, "h", ".")}, ErrEscape},
		"the root as a file":     {[]tar.Header{file(".", "x")}, ErrFileOverDir},
		"the root as a link":     {[]tar.Header{link(tar.TypeSymlink, "./", outside)}, ErrFileOverDir},
		"through a file":         {[]tar.Header{file("f", "x"), file("f/victim", "x")}, ErrLink},
		"directory for a link":   {[]tar.Header{link(tar.TypeSymlink, "l", outside), dirOf("l/"), file("l/victim", "x")}, nil},
		"file for a link":        {[]tar.Header{link(tar.TypeSymlink, "l", victim), file("l", "x")}, nil},
		"links alone":            {[]tar.Header{link(tar.TypeSymlink, "l", "/etc/passwd"), link(tar.TypeSymlink, "m", "../../..")}, nil},
		"whiteouts are names":    {[]tar.Header{file("f", "x"), file(".wh.f", ""), file(".wh..wh..opq", "")}, nil},
		"a file for a directory": {[]tar.Header{file("d/f", "x"), file("d", "x")}, unix.ENOTEMPTY},
		"too long a name":        {[]tar.Header{file(strings.Repeat("n", 300), "x")}, unix.ENAMETOOLONG},
		"too long a target":      {[]tar.Header{link(tar.TypeSymlink, "l", strings.Repeat("n/", 3000))}, ErrFormat},
		"an owner that none is":  {[]tar.Header{{Name: "x", Uid: -1}}, ErrNotMapped},
		"too long a path":        {[]tar.Header{file(strings.Repeat("n/", 3000)+"x", "x")}, ErrFormat},
		"an unknown kind":        {[]tar.Header{{Name: "x", Typeflag: 'Q'}}, errAny},
	} {
		to := t.TempDir()
		_, err := ImportVolume(context.Background(), dirAt(t, to), bytes.NewReader(pack(t, c.members...)), Limits{})
		if c.want == errAny && err == nil || c.want != errAny && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		if b, err := os.ReadFile(victim); err != nil || string(b) != "safe" {
			t.Fatalf("%s: wrote outside: %q %v", what, b, err)
		}
		if names, _ := os.ReadDir(outside); len(names) != 1 {
			t.Fatalf("%s: %v outside", what, names)
		}
	}
}

// What lies in a volume stays what it is in the archive: links are links, and
// what stands outside is not read.
func TestExportVolumeFollowsNothing(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(filepath.Join(outside, "key"), []byte("SECRET"), 0o600))
	check(t, os.Symlink(outside, filepath.Join(root, "link")))
	check(t, os.Symlink(filepath.Join(outside, "key"), filepath.Join(root, "file")))
	l, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(l)
	// A socket's address is short.
	at := dirAt(t, root)
	check(t, unix.Bind(l, &unix.SockaddrUnix{Name: procPath(at) + "/socket"}))
	var b bytes.Buffer
	check(t, ExportVolume(context.Background(), at, &b, nil))
	if bytes.Contains(b.Bytes(), []byte("SECRET")) || bytes.Contains(b.Bytes(), []byte("socket")) {
		t.Error("it is in the archive")
	}
	if strings.Count(b.String(), outside) != 2 {
		t.Error("the links are not in the archive")
	}
}

// Each line of the input is a member: its kind, its name, and what a link leads
// to, separated by tabs.
func FuzzImportVolume(f *testing.F) {
	f.Add("0\ta\t\n2\tl\t..\n0\tl/x\t\n1\th\ta\n5\td/\t\n")
	f.Add("2\ta\tb\n2\tb\t../..\n5\ta/c\t\n1\th\ta/c\n6\tfifo\t")
	f.Add("0\t../up\t\n0\t/abs\t\n5\t./\t\n")
	f.Fuzz(func(t *testing.T, lines string) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for line := range strings.Lines(lines) {
			words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(words) != 3 || len(words[0]) != 1 {
				return
			}
			h := &tar.Header{Typeflag: words[0][0], Name: words[1], Linkname: words[2], Mode: 0o755, Uid: os.Geteuid(), Gid: os.Getegid()}
			if w.WriteHeader(h) != nil {
				return
			}
		}
		top := t.TempDir()
		to := filepath.Join(top, "volume")
		check(t, os.Mkdir(to, 0o700))
		_, _ = ImportVolume(context.Background(), dirAt(t, to), &b, Limits{Entries: 50})
		names, err := os.ReadDir(top)
		if err != nil || len(names) != 1 {
			t.Errorf("%q beside the volume", names)
		}
	})
}
