package volume

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"coracle/storage"
)

// image makes layers, top first, of words: "path=text" is a file, "path/" a
// directory.
func image(t testing.TB, layers ...string) []string {
	t.Helper()
	var dirs []string
	for _, l := range layers {
		root := t.TempDir()
		dirs = append(dirs, root)
		for _, w := range strings.Fields(l) {
			name, text, file := strings.Cut(w, "=")
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
			switch {
			case strings.HasPrefix(text, "->"):
				must(t, os.Symlink(text[2:], filepath.Join(root, name)))
			case file:
				must(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
			default:
				must(t, os.MkdirAll(filepath.Join(root, name), 0o755))
			}
		}
	}
	return dirs
}

// mine is a map in which every id is the test's own user's: the test need not be
// root.
func mine() *storage.Shifter {
	return &storage.Shifter{
		UID: func(uint32) (uint32, bool) { return uint32(os.Geteuid()), true },
		GID: func(uint32) (uint32, bool) { return uint32(os.Getegid()), true },
	}
}

func filling(name string, layers []string) Filling {
	return Filling{Volume: name, Layers: layers, Path: "/data", Copy: true, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Shift: mine()}
}

func content(t testing.TB, v *Volume) string {
	t.Helper()
	var list []string
	must(t, filepath.WalkDir(v.path, func(p string, e os.DirEntry, err error) error {
		rel, _ := filepath.Rel(v.path, p)
		if err == nil && rel != "." && rel != recordFile {
			if b, reading := os.ReadFile(p); reading == nil && e.Type().IsRegular() {
				rel += "=" + string(b)
			}
			list = append(list, rel)
		}
		return err
	}))
	return strings.Join(list, " ")
}

func TestFill(t *testing.T) {
	s, ctx := store(t), context.Background()
	layers := image(t, "data/top=1 data/sub/x=2 other/", "data/top=old data/low=3 data/sub/y=4 data/link=->/etc/passwd")
	must(t, unix.Chmod(filepath.Join(layers[0], "data"), 0o2750))
	v := make1(t, s, Params{Name: "v"})
	must(t, s.Fill(ctx, filling("v", layers)))
	if got := content(t, v); got != "_data _data/link _data/low=3 _data/sub _data/sub/x=2 _data/sub/y=4 _data/top=1" {
		t.Error(got)
	}
	if fi, err := os.Stat(v.Mountpoint()); err != nil || fi.Mode().Perm() != 0o750 || fi.Mode()&os.ModeSetgid == 0 {
		t.Errorf("%v %v", fi.Mode(), err)
	}
	again, err := s.Get("v")
	if err != nil || again.Needs(true) || again.Needs(false) {
		t.Errorf("%+v %v", again, err)
	}
	// Once: what was removed does not come back.
	must(t, os.RemoveAll(filepath.Join(v.Mountpoint(), "sub")))
	must(t, s.Fill(ctx, filling("v", layers)))
	if got := content(t, v); strings.Contains(got, "sub") {
		t.Error(got)
	}
}

func TestFillLeavesWhatIsThere(t *testing.T) {
	s, ctx := store(t), context.Background()
	layers := image(t, "data/a=1")
	v := make1(t, s, Params{Name: "v"})
	f := filling("v", layers)
	f.Copy = false
	must(t, s.Fill(ctx, f))
	if got := content(t, v); got != "_data" {
		t.Error(got)
	}
	if v, err := s.Get("v"); err != nil || !v.NeedsCopyUp || v.NeedsChown {
		t.Errorf("%+v %v", v, err)
	}
	must(t, os.WriteFile(filepath.Join(v.Mountpoint(), "mine"), nil, 0o600))
	must(t, s.Fill(ctx, filling("v", layers)))
	if got := content(t, v); got != "_data _data/mine=" {
		t.Error(got)
	}
	// Where the image has a file, or nothing.
	for _, path := range []string{"/data/a", "/none", "/none/deep"} {
		f := filling(make1(t, s, Params{}).Name, layers)
		f.Path = path
		must(t, s.Fill(ctx, f))
		if v, err := s.Get(f.Volume); err != nil || v.Needs(true) || content(t, v) != "_data" {
			t.Errorf("%s: %+v %v", path, v, err)
		}
	}
	want(t, s.Fill(ctx, filling("absent", layers)), ErrNotFound)
}

// A process may be killed at any moment of it.
func TestFillAfterCrash(t *testing.T) {
	layers := image(t, "data/a=1 data/b=2 data/d/c=3")
	const whole = "_data _data/a=1 _data/b=2 _data/d _data/d/c=3"
	for what, crash := range map[string]func(dir string) error{
		"while copying": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, fillingDir, "half"), []byte("gar"), 0o600)
		},
		"before moving": func(dir string) error {
			must(t, os.Remove(filepath.Join(dir, fillingDir)))
			return os.CopyFS(filepath.Join(dir, filledDir), os.DirFS(filepath.Join(layers[0], "data")))
		},
		"while moving": func(dir string) error {
			must(t, os.Remove(filepath.Join(dir, fillingDir)))
			must(t, os.CopyFS(filepath.Join(dir, filledDir), os.DirFS(filepath.Join(layers[0], "data"))))
			return os.Rename(filepath.Join(dir, filledDir, "a"), filepath.Join(dir, dataDir, "a"))
		},
		"before the record": func(dir string) error {
			must(t, os.Remove(filepath.Join(dir, fillingDir)))
			return os.CopyFS(filepath.Join(dir, dataDir), os.DirFS(filepath.Join(layers[0], "data")))
		},
	} {
		s := store(t)
		v := make1(t, s, Params{Name: "v"})
		must(t, os.Mkdir(filepath.Join(v.path, fillingDir), 0o700))
		must(t, crash(v.path))
		must(t, s.Fill(context.Background(), filling("v", layers)))
		if got := content(t, v); got != whole {
			t.Errorf("%s: %s", what, got)
		}
	}
}

func TestFillOnceAtATime(t *testing.T) {
	s := store(t)
	layers := image(t, "data/a=1 data/b=2 data/c=3")
	v := make1(t, s, Params{Name: "v"})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Fill(context.Background(), filling("v", layers)); err != nil {
				t.Error(err)
			}
			// When it returns, all is there, whoever did it.
			if names, err := os.ReadDir(v.Mountpoint()); err != nil || len(names) != 3 {
				t.Errorf("%v %v", names, err)
			}
		})
	}
	all.Wait()
}

// An image's link at the place means what it means in the image.
func TestFillThroughLinks(t *testing.T) {
	secret := t.TempDir()
	must(t, os.WriteFile(filepath.Join(secret, "key"), []byte("SECRET"), 0o600))
	s := store(t)
	layers := image(t, "data=->"+secret+" rel=->../../../../../../../../.."+secret+" in=->/real real/x=1")
	for path, wanted := range map[string]string{"/data": "_data", "/rel": "_data", "/data/key": "_data", "/in": "_data _data/x=1", "/in/../in": "_data _data/x=1"} {
		v := make1(t, s, Params{})
		f := filling(v.Name, layers)
		f.Path = path
		must(t, s.Fill(context.Background(), f))
		if got := content(t, v); got != wanted {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestFillOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root: gives files to others")
	}
	s := store(t)
	layers := image(t, "data/a=1")
	must(t, os.Chown(filepath.Join(layers[0], "data/a"), 7, 8))
	f := filling("v", layers)
	f.Shift = &storage.Shifter{
		UID: func(id uint32) (uint32, bool) { return id + 100, id < 100 },
		GID: func(id uint32) (uint32, bool) { return id + 200, id < 100 },
	}
	v := make1(t, s, Params{Name: "v"})
	must(t, s.Fill(context.Background(), f))
	owns(t, filepath.Join(v.Mountpoint(), "a"), 107, 208)
	owns(t, v.Mountpoint(), 100, 200)

	v = make1(t, s, Params{Name: "option", Options: map[string]string{"o": "gid=5"}})
	f.Volume, f.Path, f.UID, f.GID = "option", "/none", 33, 44
	must(t, s.Fill(context.Background(), f))
	owns(t, v.Mountpoint(), 33, 5)

	must(t, os.Chown(filepath.Join(layers[0], "data/a"), 1000, 0))
	make1(t, s, Params{Name: "unmapped"})
	f.Volume, f.Path = "unmapped", "/data"
	want(t, s.Fill(context.Background(), f), storage.ErrNotMapped)
	if v, _ := s.Get("unmapped"); !v.NeedsCopyUp || content(t, v) != "_data" {
		t.Error(content(t, v))
	}
}

func owns(t *testing.T, path string, uid, gid uint32) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Uid != uid || st.Gid != gid {
		t.Errorf("%s belongs to %d:%d (%v), want %d:%d", path, st.Uid, st.Gid, err, uid, gid)
	}
}

func TestSettle(t *testing.T) {
	s := store(t)
	layers := image(t, "empty/ data/a=1 file=x")
	must(t, unix.Chmod(filepath.Join(layers[0], "empty"), 0o1777))
	view := storage.NewView(layers)
	defer view.Close()
	me := uint32(os.Geteuid())
	for _, c := range []struct {
		path    string
		copy    bool
		uid     uint32
		root    uint32
		moved   bool
		options string
		done    bool
		mode    os.FileMode
	}{
		{path: "/empty", copy: true, root: me, done: true, mode: 0o777},
		{path: "/none", copy: true, root: me, done: true, mode: 0o755},
		{path: "/data", root: me, done: true, mode: 0o755}, // nothing is to be copied
		{path: "/data", copy: true, root: me},
		{path: "/empty", copy: true, root: me + 1}, // another's
		{path: "/none", copy: true, uid: 33, root: me},
		{path: "/none", copy: true, root: me, moved: true},
		{path: "/none", copy: true, root: me, options: "gid=5"},
	} {
		p := Params{}
		if c.options != "" {
			p.Options = map[string]string{"o": c.options}
		}
		v := make1(t, s, p)
		f := Filling{Volume: v.Name, Path: c.path, Copy: c.copy, UID: c.uid}
		if done := s.Settle(v, f, view, c.root, !c.moved); done != c.done || done == v.Needs(c.copy) {
			t.Errorf("%+v: %v", c, done)
		}
		if again, err := s.Get(v.Name); err != nil || again.Needs(c.copy) == c.done || again.NeedsCopyUp == (c.done && c.copy) {
			t.Errorf("%+v: %+v %v", c, again, err)
		}
		if fi, err := os.Stat(v.Mountpoint()); c.done && (err != nil || fi.Mode().Perm() != c.mode) {
			t.Errorf("%+v: %v", c, fi.Mode())
		}
	}
}
