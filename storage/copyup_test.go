package storage

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func sameID(id uint32) (uint32, bool) { return id, true }

func TestTree(t *testing.T) {
	v := NewView(stack(t, t.TempDir(), "d/a=1 e/ f=x", "d/b=2 l=->/d"))
	defer v.Close()
	for name, want := range map[string]struct{ there, empty bool }{
		"/": {true, false}, "d": {true, false}, "/l": {true, false}, "/e": {true, true}, "/f": {}, "/none": {}, "/none/x": {}, "/d/a": {},
	} {
		tree, err := v.Tree(name)
		if err != nil || (tree != nil) != want.there {
			t.Errorf("%s: %v %v", name, tree, err)
			continue
		}
		if tree == nil {
			continue
		}
		if empty, err := tree.Empty(); err != nil || empty != want.empty {
			t.Errorf("%s: empty %v %v", name, empty, err)
		}
		if uid, gid := tree.Owner(); int(uid) != os.Geteuid() || int(gid) != os.Getegid() || tree.Mode() != 0o755 {
			t.Errorf("%s: %d:%d %o", name, uid, gid, tree.Mode())
		}
		tree.Close()
	}
	if _, err := v.Tree("/f/x"); err == nil {
		t.Error("a path through a file")
	}
	// Closing the root's tree leaves the view's own descriptors.
	if _, _, exists, err := v.Resolve("/d/a"); err != nil || !exists {
		t.Error(exists, err)
	}
}

func TestTreeCopy(t *testing.T) {
	if !inBase(t) { // whiteouts are devices: only a mapped root makes them
		return
	}
	layers := stack(t, t.TempDir(), "d/a=1 d/sub/x=2 !d/gone !d/hidden/below d/fresh/! d/fresh/y=3", "d/a=old d/gone=4 d/sub/z=5 d/hidden/below=6 d/fresh/old=7 d/l=->/etc/passwd")
	must(t, os.Chown(filepath.Join(layers[0], "d/a"), 7, 8))
	must(t, unix.Chmod(filepath.Join(layers[0], "d/a"), 0o4711))
	must(t, unix.Chmod(filepath.Join(layers[0], "d"), 0o1770))
	v := NewView(layers)
	defer v.Close()
	tree, err := v.Tree("/d")
	must(t, err)
	defer tree.Close()
	to := t.TempDir()
	fd, err := unix.Open(to, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	s := &Shifter{UID: func(id uint32) (uint32, bool) { return id + 10, true }, GID: sameID}
	must(t, tree.Copy(context.Background(), s, fd, false))
	var got []string
	must(t, filepath.WalkDir(to, func(p string, e os.DirEntry, err error) error {
		rel, _ := filepath.Rel(to, p)
		got = append(got, rel)
		return err
	}))
	if want := []string{".", "a", "fresh", "fresh/y", "hidden", "l", "sub", "sub/x", "sub/z"}; !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, " "))
	}
	var st unix.Stat_t
	must(t, unix.Lstat(filepath.Join(to, "a"), &st))
	if st.Uid != 17 || st.Gid != 8 || st.Mode&0o7777 != 0o4711 {
		t.Errorf("%d:%d %o", st.Uid, st.Gid, st.Mode)
	}
	must(t, unix.Lstat(to, &st))
	if st.Uid != 10 || st.Mode&0o7777 != 0o1770 {
		t.Errorf("%d %o", st.Uid, st.Mode)
	}
	dressed, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(dressed)
	must(t, tree.Dress(s, dressed))
	must(t, unix.Fstat(dressed, &st))
	if st.Uid != 10 || st.Mode&0o7777 != 0o1770 {
		t.Errorf("%d %o", st.Uid, st.Mode)
	}
	empty, err := v.Tree("/d/hidden")
	must(t, err)
	defer empty.Close()
	if is, err := empty.Empty(); err != nil || !is {
		t.Errorf("what is hidden counts: %v %v", is, err)
	}
}
