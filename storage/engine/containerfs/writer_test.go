package containerfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// unpackInto unpacks into dir/dest, of the host or of a container with the root dir.
func unpackInto(t *testing.T, dir string, inContainer bool, overwrite bool, data []byte) error {
	t.Helper()
	c := Copy{From: Host(), To: Host(), Dest: filepath.Join(dir, "dest"), Overwrite: overwrite}
	if inContainer {
		c.To, c.Dest = rootAt(t, dir), "/dest"
	}
	dest, err := c.To.find(c.Dest, true)
	check(t, err)
	w := c.writer(dest.fd, c.Dest)
	w.Owner = func(*tar.Header) (int, int, error) { return os.Getuid(), os.Getgid(), nil }
	return errors.Join(ReadArchive(context.Background(), bytes.NewReader(data), w, Limits{}), w.Close())
}

func TestWriter(t *testing.T) {
	for name, tt := range map[string]struct {
		before, members []string
		overwrite       bool
		want            string // below dest
		err             error
	}{
		"plain":            {members: []string{"d/", "d/f=x", "l>d/f", "h@d/f", "p|"}, want: "d/ d/f=x h=x l>d/f p|"},
		"missing parents":  {members: []string{"a/b/c=x"}, want: "a/ a/b/ a/b/c=x"},
		"absolute":         {members: []string{"/a=x", "//b=y"}, want: "a=x b=y"},
		"dots":             {members: []string{"./", "./a=x", "b/./c=y"}, want: "a=x b/ b/c=y"},
		"outside":          {members: []string{"../a=x"}, err: ErrEscape},
		"outside later":    {members: []string{"a/../../b=x"}, err: ErrEscape},
		"link outside":     {members: []string{"h@../secret"}, err: ErrEscape},
		"link to the root": {members: []string{"h@."}, err: ErrEscape},
		"link absolute":    {members: []string{"h@/secret"}, err: unix.ENOENT},
		"device":           {members: []string{"d!"}, err: errAny},
		"replaces":         {before: []string{"dest/f=old"}, members: []string{"f=new"}, want: "f=new"},
		"replaces a link":  {before: []string{"dest/f>../secret"}, members: []string{"f=new"}, want: "f=new"},
		"merges":           {before: []string{"dest/d/old=o"}, members: []string{"d/", "d/new=n"}, want: "d/ d/new=n d/old=o"},
		"file over dir":    {before: []string{"dest/d/f=o"}, members: []string{"d=n"}, err: ErrFileOverDir, want: "d/ d/f=o"},
		"dir over file":    {before: []string{"dest/d=o"}, members: []string{"d/"}, err: ErrDirOverFile, want: "d=o"},
		"file over dir!":   {before: []string{"dest/d/e/f=o", "dest/d/l>../../secret"}, members: []string{"d=n"}, overwrite: true, want: "d=n"},
		"dir over file!":   {before: []string{"dest/d=o"}, members: []string{"d/", "d/f=x"}, overwrite: true, want: "d/ d/f=x"},
		"link to itself":   {members: []string{"f=x", "f@./f"}, want: "f=x"},
		"twice":            {members: []string{"f=1", "f=2", "l>a", "l>b"}, want: "f=2 l>b"},
	} {
		for _, inContainer := range []bool{false, true} {
			dir := t.TempDir()
			plant(t, dir, append([]string{"dest/", "secret=HOST"}, tt.before...)...)
			err := unpackInto(t, dir, inContainer, tt.overwrite, archive(t, tt.members...))
			if (tt.err == nil) != (err == nil) || tt.err != nil && tt.err != errAny && !errors.Is(err, tt.err) {
				t.Errorf("%s: error %v, want %v", name, err, tt.err)
			}
			if got := seen(t, filepath.Join(dir, "dest")); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
			if data, _ := os.ReadFile(filepath.Join(dir, "secret")); string(data) != "HOST" {
				t.Errorf("%s: the file beside became %q", name, data)
			}
		}
	}
}

var errAny = errors.New("any")

// A link to a directory is a way on in a container, where it cannot lead out, and
// nowhere on the host.
func TestWriterAndLinks(t *testing.T) {
	for _, inContainer := range []bool{false, true} {
		for _, target := range []string{"/usr/lib", "../usr/lib", "../../../usr/lib"} {
			dir := t.TempDir()
			plant(t, dir, "dest/lib>"+target, "usr/lib/")
			err := unpackInto(t, dir, inContainer, false, archive(t, "lib/new=x", "lib/", "lib/dir/", "lib/dir/f=y"))
			want := map[bool]string{true: "dir/ dir/f=y new=x", false: ""}[inContainer]
			if got := seen(t, filepath.Join(dir, "usr/lib")); got != want || (err == nil) != inContainer {
				t.Errorf("%s, in a container %v: %q, %v", target, inContainer, got, err)
			}
		}
	}
	// One that an archive makes itself.
	dir := t.TempDir()
	plant(t, dir, "dest/", "out/")
	if err := unpackInto(t, dir, false, false, archive(t, "l>../out", "l/f=x")); err == nil {
		t.Error("an archive's own link was followed")
	}
	if got := seen(t, filepath.Join(dir, "out")); got != "" {
		t.Errorf("outside: %s", got)
	}
}

func TestWriterMetadata(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "dest/old/")
	check(t, os.Chmod(filepath.Join(dir, "dest/old"), 0o700))
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []*tar.Header{
		{Name: "old", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "closed", Typeflag: tar.TypeDir, Mode: 0o500},
		{Name: "closed/suid", Typeflag: tar.TypeReg, Mode: 0o6755},
	} {
		check(t, w.WriteHeader(h))
	}
	check(t, w.Close())
	check(t, unpackInto(t, dir, false, false, b.Bytes()))
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "dest/closed"), 0o700) })
	for name, want := range map[string]os.FileMode{
		"old":         0o700, // it was there
		"closed":      0o500,
		"closed/suid": 0o755, // on the host nobody meant to give that away
	} {
		fi, err := os.Lstat(filepath.Join(dir, "dest", name))
		if err != nil || fi.Mode()&(os.ModePerm|os.ModeSetuid|os.ModeSetgid) != want {
			t.Errorf("%s: %v, %v", name, fi.Mode(), err)
		}
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("rubbish"))
	f.Add(archiveSeed("a/", "a/b=c", "l>../..", "l/x=y", "h@l"))
	f.Add(archiveSeed("../x=y", "/etc/passwd=x", "a|", "a/b=x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		dir := t.TempDir()
		plant(t, dir, "dest/", "secret=HOST")
		_ = unpackInto(t, dir, false, true, data)
		entries, err := os.ReadDir(dir)
		check(t, err)
		secret, _ := os.ReadFile(filepath.Join(dir, "secret"))
		if len(entries) != 2 || string(secret) != "HOST" {
			t.Errorf("it left its directory: %v, %q", entries, secret)
		}
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
			if e != nil && e.IsDir() {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
	})
}

func archiveSeed(members ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m, Typeflag: tar.TypeReg}
		if name, target, ok := strings.Cut(m, ">"); ok {
			h = &tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink}
		} else if name, target, ok := strings.Cut(m, "@"); ok {
			h = &tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeLink}
		}
		_ = w.WriteHeader(h)
	}
	_ = w.Close()
	return b.Bytes()
}
