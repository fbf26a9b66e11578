package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dir(t testing.TB, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
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
		h.Uid, h.Gid, h.Size, h.Format = os.Geteuid(), os.Getegid(), int64(len(text)), tar.FormatPAX
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		must(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, text)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func file(name, text string) tar.Header {
	return tar.Header{Name: name, PAXRecords: map[string]string{"text": text}}
}

func link(kind byte, name, to string) tar.Header {
	return tar.Header{Name: name, Linkname: to, Typeflag: kind}
}

func TestRoundTrip(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(from, "d/e"), 0o750))
	must(t, os.WriteFile(filepath.Join(from, "d/file"), []byte("text"), 0o640))
	must(t, os.Link(filepath.Join(from, "d/file"), filepath.Join(from, "same")))
	must(t, os.Symlink("../outside", filepath.Join(from, "d/link")))
	must(t, unix.Mkfifo(filepath.Join(from, "fifo"), 0o600))
	must(t, unix.Chmod(filepath.Join(from, "d/file"), 0o4755))
	must(t, unix.Chmod(from, 0o1770))
	_ = unix.Setxattr(filepath.Join(from, "d/file"), "user.note", []byte("kept\x00too"), 0)
	long := strings.Repeat("n", 200)
	must(t, os.WriteFile(filepath.Join(from, long), nil, 0o600))
	old := time.Unix(1e9, 123456789)
	for _, name := range []string{"d/file", "d/e", "d", "."} {
		must(t, os.Chtimes(filepath.Join(from, name), old, old))
	}
	var one, two bytes.Buffer
	must(t, Export(context.Background(), dir(t, from), &one))
	must(t, Import(context.Background(), bytes.NewReader(one.Bytes()), dir(t, to), Limits{}))
	must(t, Export(context.Background(), dir(t, to), &two))
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("what was imported is not what was exported")
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(to, "same"), &st); err != nil || st.Nlink != 2 || st.Mode&0o7777 != 0o4755 || st.Mtim.Nsec != 123456789 {
		t.Errorf("%+v %v", st, err)
	}
}

func TestImportOverWhatIsThere(t *testing.T) {
	to := t.TempDir()
	must(t, os.WriteFile(filepath.Join(to, "file"), []byte("old and longer"), 0o600))
	must(t, os.Link(filepath.Join(to, "file"), filepath.Join(to, "other")))
	must(t, os.MkdirAll(filepath.Join(to, "d/stays"), 0o700))
	must(t, os.Symlink("/etc", filepath.Join(to, "was")))
	must(t, Import(context.Background(), bytes.NewReader(pack(t,
		file("file", "new"), tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o711}, tar.Header{Name: "was/", Typeflag: tar.TypeDir, Mode: 0o755},
		file("made/on/the/way", "x"), file("/absolute", "y"), file("./d/in", "z"), link(tar.TypeLink, "self", "self2"),
	)[:0]), dir(t, to), Limits{})) // an empty archive
	err := Import(context.Background(), bytes.NewReader(pack(t,
		file("file", "new"), tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o711}, tar.Header{Name: "was/", Typeflag: tar.TypeDir, Mode: 0o755},
		file("made/on/the/way", "x"), file("/absolute", "y"), file("./d/in", "z"), file("was/in", "w"),
		tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, link(tar.TypeLink, "hard", "made/on/the/way"),
	)), dir(t, to), Limits{})
	must(t, err)
	for name, text := range map[string]string{"file": "new", "other": "old and longer", "made/on/the/way": "x", "absolute": "y", "d/in": "z", "was/in": "w", "hard": "x"} {
		if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(b) != text {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(to, "d/stays")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(to, "null")); err == nil {
		t.Error("a device was made")
	}
}

// The vectors of containers/storage's archive_test.go, and some more.
func TestHostileArchives(t *testing.T) {
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	must(t, os.WriteFile(victim, []byte("safe"), 0o600))
	dirOf := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	for what, c := range map[string]struct {
		members []tar.Header
		want    error
	}{
		"up":                     {[]tar.Header{file("../victim", "x")}, ErrEscape},
		"up within":              {[]tar.Header{file("a/../../victim", "x")}, ErrEscape},
		"link, then through it":  {[]tar.Header{link(tar.TypeSymlink, "l", outside), file("l/victim", "x")}, ErrEscape},
		"relative link":          {[]tar.Header{link(tar.TypeSymlink, "l", "../"+filepath.Base(outside)), file("l/victim", "x")}, ErrEscape},
		"chain":                  {[]tar.Header{link(tar.TypeSymlink, "a", "b"), link(tar.TypeSymlink, "b", outside), file("a/victim", "x")}, ErrEscape},
		"link within":            {[]tar.Header{dirOf("d/"), link(tar.TypeSymlink, "l", "d"), file("l/x", "x")}, ErrEscape},
		"hard link up":           {[]tar.Header{link(tar.TypeLink, "h", "../victim"), file("h", "x")}, ErrEscape},
		"hard link through link": {[]tar.Header{link(tar.TypeSymlink, "l", outside), link(tar.TypeLink, "h", "l/victim")}, ErrEscape},
		"hard link to nothing":   {[]tar.Header{link(tar.TypeLink, "h", "none")}, unix.ENOENT},
		"hard link to the root":  {[]tar.Header{link(tar.TypeLink, "h", ".")}, ErrEscape},
		"the root as a file":     {[]tar.Header{file(".", "x")}, ErrFormat},
		"the root as a link":     {[]tar.Header{link(tar.TypeSymlink, "./", outside)}, ErrFormat},
		"through a file":         {[]tar.Header{file("f", "x"), file("f/victim", "x")}, ErrEscape},
		"directory for a link":   {[]tar.Header{link(tar.TypeSymlink, "l", outside), dirOf("l/"), file("l/victim", "x")}, nil},
		"file for a link":        {[]tar.Header{link(tar.TypeSymlink, "l", victim), file("l", "x")}, nil},
		"links alone":            {[]tar.Header{link(tar.TypeSymlink, "l", "/etc/passwd"), link(tar.TypeSymlink, "m", "../../..")}, nil},
		"whiteouts are names":    {[]tar.Header{file("f", "x"), file(".wh.f", ""), file(".wh..wh..opq", "")}, nil},
		"a file for a directory": {[]tar.Header{file("d/f", "x"), file("d", "x")}, unix.ENOTEMPTY},
		"too long a name":        {[]tar.Header{file(strings.Repeat("n", 300), "x")}, unix.ENAMETOOLONG},
		"too long a path":        {[]tar.Header{file(strings.Repeat("n/", 3000)+"x", "x")}, ErrFormat},
		"an unknown kind":        {[]tar.Header{{Name: "x", Typeflag: 'Q'}}, ErrFormat},
	} {
		to := t.TempDir()
		err := Import(context.Background(), bytes.NewReader(pack(t, c.members...)), dir(t, to), Limits{})
		if !errors.Is(err, c.want) {
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

func TestImportIsBounded(t *testing.T) {
	to := dir(t, t.TempDir())
	err := Import(context.Background(), bytes.NewReader(pack(t, file("a", ""), file("b", ""), file("c", ""))), to, Limits{Entries: 2})
	if !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	i := &importer{limits: Limits{Ratio: 250, Compressed: func() int64 { return 1 << 20 }}}
	for size, inflated := range map[int64]bool{1 << 20: false, freeOfRatio: false, freeOfRatio + 1: true} {
		if i.size = size; i.inflated() != inflated {
			t.Errorf("%d bytes of 1 MiB: %v", size, !inflated)
		}
	}
	for what, text := range map[string]string{"text": strings.Repeat("no archive\n", 100), "cut": string(pack(t, file("a", strings.Repeat("x", 5000)))[:2000])} {
		if err := Import(context.Background(), strings.NewReader(text), to, Limits{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Import(ctx, bytes.NewReader(pack(t, file("a", ""))), to, Limits{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestExportIsBounded(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, strings.Repeat("d/", maxDepth+2)), 0o700))
	if err := Export(context.Background(), dir(t, root), io.Discard); !errors.Is(err, ErrDeep) {
		t.Error(err)
	}
}

// What lies in a volume stays what it is in the archive: links are links, and
// what stands outside is not read.
func TestExportFollowsNothing(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "key"), []byte("SECRET"), 0o600))
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	must(t, os.Symlink(filepath.Join(outside, "key"), filepath.Join(root, "file")))
	l, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(l)
	must(t, os.Chdir(root))
	must(t, unix.Bind(l, &unix.SockaddrUnix{Name: "socket"}))
	must(t, os.Chdir("/"))
	var b bytes.Buffer
	must(t, Export(context.Background(), dir(t, root), &b))
	if bytes.Contains(b.Bytes(), []byte("SECRET")) || bytes.Contains(b.Bytes(), []byte("socket")) {
		t.Error("it is in the archive")
	}
	if strings.Count(b.String(), outside) != 2 {
		t.Error("the links are not in the archive")
	}
}

// Each line of the input is a member: its kind, its name, and what a link leads
// to, separated by tabs.
func FuzzImport(f *testing.F) {
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
		must(t, os.Mkdir(to, 0o700))
		_ = Import(context.Background(), &b, dir(t, to), Limits{Entries: 50})
		names, err := os.ReadDir(top)
		if err != nil || len(names) != 1 {
			t.Errorf("%q beside the volume", names)
		}
	})
}
