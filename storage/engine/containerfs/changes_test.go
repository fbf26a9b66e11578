package containerfs

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// layers makes an upper and a lower directory in which what is alike has the same
// times.
func layers(t *testing.T, lower, upper []string) (c Changes, low, up string) {
	t.Helper()
	dir := t.TempDir()
	low, up = filepath.Join(dir, "low"), filepath.Join(dir, "up")
	plant(t, dir, "low/", "up/")
	plant(t, low, lower...)
	plant(t, up, upper...)
	old := time.Unix(1_000_000_000, 0)
	for _, top := range []string{low, up} {
		check(t, filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.Type()&os.ModeSymlink == 0 {
				err = os.Chtimes(path, old, old)
			}
			return err
		}))
	}
	return Changes{Upper: rootAt(t, up).FD, Lower: rootAt(t, low).FD}, low, up
}

func listed(t *testing.T, c *Changes) string {
	t.Helper()
	var lines []string
	check(t, c.List(context.Background(), func(change Change) error {
		lines = append(lines, string(change.Kind)+" "+change.Path)
		return nil
	}))
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	return strings.Join(lines, ", ")
}

func layerOf(t *testing.T, c *Changes) string {
	t.Helper()
	var b bytes.Buffer
	a := NewArchive(&b)
	check(t, c.Layer(context.Background(), a))
	check(t, a.Close())
	return namesOf(t, b.Bytes())
}

func TestChanges(t *testing.T) {
	lower := []string{"etc/passwd=x", "etc/group=x", "d/sub/f=x", "f=x", "l>f"}
	for name, tt := range map[string]struct {
		upper, hidden []string
		opaque        string
		list, layer   string
	}{
		"nothing":           {},
		"added":             {upper: []string{"new=x", "newdir/sub/f=x"}, list: "A /new, A /newdir, A /newdir/sub, A /newdir/sub/f", layer: "new newdir/ newdir/sub/ newdir/sub/f"},
		"added in a dir":    {upper: []string{"d/sub/new=x"}, list: "C /d/sub, A /d/sub/new", layer: "d/ d/sub/ d/sub/new"},
		"modified":          {upper: []string{"d/sub/f=y", "l>g"}, list: "C /d/sub/f, C /l", layer: "d/ d/sub/ d/sub/f l"},
		"modified, added":   {upper: []string{"etc/group=y", "etc/new=x"}, list: "C /etc, C /etc/group, A /etc/new", layer: "etc/ etc/group etc/new"},
		"deleted":           {upper: []string{"f!", "d/sub!"}, list: "C /d, D /d/sub, D /f", layer: "d/ d/.wh.sub .wh.f"},
		"made and deleted":  {upper: []string{"never!"}},
		"opaque":            {upper: []string{"d/new=x"}, opaque: "d", list: "C /d, A /d/new", layer: "d/ d/.wh..wh..opq d/new"},
		"file over a dir":   {upper: []string{"d=x"}, list: "C /d", layer: "d"},
		"dir over a file":   {upper: []string{"f/in=x"}, list: "C /f, A /f/in", layer: "f/ f/in"},
		"places to mount":   {upper: []string{"etc/hosts=", "proc/", "a/b/"}, hidden: []string{"/etc/hosts", "/proc", "/a/b"}, list: "A /a", layer: "a/"},
		"place with a file": {upper: []string{"a/b/f=x"}, hidden: []string{"/a/b"}, list: "A /a, A /a/b, A /a/b/f", layer: "a/ a/b/ a/b/f"},
		"written place":     {upper: []string{"etc/hosts=text"}, hidden: []string{"/etc/hosts"}, list: "C /etc, A /etc/hosts", layer: "etc/ etc/hosts"},
		"pipe":              {upper: []string{"p|"}, list: "A /p", layer: "p"},
	} {
		c, low, up := layers(t, lower, tt.upper)
		c.Hidden = map[string]bool{}
		for _, h := range tt.hidden {
			c.Hidden[h] = true
			touch(t, filepath.Join(up, filepath.Dir(h)))
		}
		if tt.opaque != "" {
			check(t, unix.Setxattr(filepath.Join(up, tt.opaque), "user.overlay.opaque", []byte("y"), 0))
		}
		if got := listed(t, &c); got != tt.list {
			t.Errorf("%s: %s\nwant %s", name, got, tt.list)
		}
		if got := layerOf(t, &c); got != tt.layer {
			t.Errorf("%s: the layer has %s\nwant %s", name, got, tt.layer)
		}
		_ = low
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	now := time.Now()
	check(t, os.Chtimes(path, now, now))
}

func TestChangedDirectories(t *testing.T) {
	lower := []string{"d/f=x"}
	c, _, up := layers(t, lower, []string{"d/"})
	check(t, os.Chmod(filepath.Join(up, "d"), 0o700))
	if got := listed(t, &c); got != "C /d" {
		t.Errorf("mode: %s", got)
	}
	c, _, up = layers(t, lower, []string{"d/"})
	touch(t, filepath.Join(up, "d"))
	if got := listed(t, &c); got != "C /d" {
		t.Errorf("time: %s", got)
	}
	c, _, _ = layers(t, lower, []string{"d/"})
	c.Owners.UIDs = idMap(5, uint32(os.Getuid()))
	if got := listed(t, &c); os.Getuid() != 5 && got != "C /d" {
		t.Errorf("owner: %s", got)
	}
}

// Of a root that is a whole copy only what differs is a change.
func TestChangesOfACopy(t *testing.T) {
	same := []string{"etc/passwd=x", "d/f=x", "l>f", "gone/f=x"}
	c, _, up := layers(t, same, same)
	c.Copied = true
	if got := listed(t, &c); got != "" {
		t.Errorf("at first: %s", got)
	}
	check(t, os.RemoveAll(filepath.Join(up, "gone")))
	check(t, os.WriteFile(filepath.Join(up, "d/f"), []byte("longer"), 0o644))
	check(t, os.Remove(filepath.Join(up, "l")))
	plant(t, up, "l>other", "new/f=x")
	if got := listed(t, &c); got != "C /d/f, D /gone, C /l, A /new, A /new/f" {
		t.Error(got)
	}
	if got := layerOf(t, &c); got != "d/ d/f l new/ new/f .wh.gone" {
		t.Error(got)
	}
}

func TestChangesWithoutAnImage(t *testing.T) {
	c, _, _ := layers(t, nil, []string{"a/b=x", "w!"})
	c.Lower = -1
	if got := listed(t, &c); got != "A /a, A /a/b" {
		t.Error(got)
	}
}

// What a layer says is what unpacks to the upper directory again.
func TestLayerContent(t *testing.T) {
	c, _, up := layers(t, []string{"f=x"}, []string{"f=changed"})
	check(t, unix.Setxattr(filepath.Join(up, "f"), "user.overlay.origin", []byte("y"), 0))
	check(t, unix.Setxattr(filepath.Join(up, "f"), OwnerAttr, []byte("70000:70001"), 0))
	var b bytes.Buffer
	a := NewArchive(&b)
	check(t, c.Layer(context.Background(), a))
	check(t, a.Close())
	r := tar.NewReader(&b)
	h, err := r.Next()
	check(t, err)
	text, _ := io.ReadAll(r)
	if string(text) != "changed" || h.Uid != 70000 || h.Gid != 70001 || len(h.PAXRecords) > 2 || strings.Contains(b.String(), "overlay") {
		t.Errorf("%q %+v", text, h)
	}
}
