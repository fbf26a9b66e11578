package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// redirects reports whether the kernel follows references in user namespaces,
// and fails where it must: everything here would pass without testing.
func redirects(t *testing.T) bool {
	t.Helper()
	ok, err := ProbeRedirect(t.TempDir())
	must(t, err)
	if !ok {
		t.Skip("kernel 6.16: overlay does not follow references in user namespaces")
	}
	return true
}

// storeLayers makes the directories of layers as a store has them, top first,
// and one of each kind of file in them.
func storeLayers(t *testing.T, n int) []string {
	store := t.TempDir()
	must(t, os.Chmod(store, 0o755))
	var layers []string
	for i := range n {
		dir := filepath.Join(store, "overlay", strings.Repeat(string(rune('a'+i)), idLength), "diff")
		must(t, os.MkdirAll(dir, 0o755))
		layers = append(layers, dir)
	}
	return layers
}

var large = strings.Repeat("larger than what is copied whole\n", 300)

// everyKind fills three layers, top first.
func everyKind(t *testing.T, layers []string) {
	top, middle, low := layers[0], layers[1], layers[2]
	long := strings.Repeat("n", 255)
	deep := strings.TrimSuffix(strings.Repeat(strings.Repeat("d", 200)+"/", 12), "/")
	tree(t, low, "bin/su", large, "bin/ping", large, "bin/small", "small", "etc/conf", "low "+large, "etc/gone", large,
		"opaque/below", large, "home/u/mine", large, "home/u/l", "-> ../../bin/su", "over/f", "low"+large, "a/same", "1"+large, long, large,
		deep+"/f", large, "empty", "", "to-dir", large, "dir/x", large, "mode0", large, "share/one", large, "esc", large)
	tree(t, middle, "etc/conf", "middle "+large, "opaque/only", large, "a/same", "2"+large, "to-dir/now", large, "dir2/y", large)
	tree(t, top, "etc/conf", "top "+large, "dir2/z", "small")
	must(t, unix.Mknod(filepath.Join(top, "etc/gone"), unix.S_IFCHR, 0))
	must(t, unix.Mknod(filepath.Join(middle, "over"), unix.S_IFCHR, 0))
	must(t, unix.Setxattr(filepath.Join(middle, "opaque"), "user.overlay.opaque", []byte("y"), 0))
	in := func(name string) string { return filepath.Join(low, name) }
	must(t, os.MkdirAll(in("share/far/away"), 0o755))
	must(t, os.Link(in("share/one"), in("share/far/away/two")))
	must(t, os.Link(in("share/one"), in("three")))
	must(t, os.Link(in("bin/small"), in("share/small")))
	must(t, unix.Mkfifo(in("fifo"), 0o620))
	must(t, os.WriteFile(in("sparse"), []byte("begin"), 0o644))
	must(t, os.Truncate(in("sparse"), 8<<20))
	for name, id := range map[string]int{"home/u": 1000, "home/u/mine": 1000, "home/u/l": 1000, "bin/ping": 7, "fifo": 2000, "three": 33} {
		must(t, os.Lchown(in(name), id, id+1))
	}
	for name, mode := range map[string]uint32{"bin/su": 0o4755, "bin/ping": 0o2755, "home/u": 0o1700, "mode0": 0, "dir": 0o711} {
		must(t, unix.Chmod(in(name), mode))
	}
	must(t, unix.Setxattr(in("bin/ping"), "security.capability", []byte(fileCaps), 0))
	must(t, unix.Setxattr(in("bin/su"), "user.note", []byte("of the image"), 0))
	must(t, unix.Setxattr(in("esc"), "user.overlay.overlay.redirect", []byte("/etc/conf"), 0))
	past := []unix.Timespec{{Sec: 1000000000, Nsec: 5}, {Sec: 1100000000, Nsec: 123456789}}
	for _, layer := range layers {
		must(t, filepath.WalkDir(layer, func(path string, _ fs.DirEntry, err error) error {
			must(t, err)
			return unix.UtimesNanoAt(unix.AT_FDCWD, path, past, unix.AT_SYMLINK_NOFOLLOW)
		}))
	}
}

// mountShifted mounts the layers as a container sees them, writable.
func mountShifted(t *testing.T, s *Shifter, layers []string) (root string) {
	t.Helper()
	done, err := s.Shift(context.Background(), layers)
	must(t, err)
	t.Cleanup(func() { done.Lock.Close() })
	dir, root := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(dir+"/up", 0o755))
	must(t, os.MkdirAll(dir+"/work", 0o755))
	var lower []string
	for _, l := range done.Layers {
		must(t, os.Symlink(l, filepath.Join(dir, filepath.Base(l))))
		lower = append(lower, "lowerdir+="+filepath.Base(l))
	}
	for i, d := range done.Data {
		must(t, os.Symlink(d, fmt.Sprintf("%s/data%d", dir, i)))
		lower = append(lower, fmt.Sprintf("datadir+=data%d", i))
	}
	fd, err := overlayOf(dir, lower, []string{"upperdir=up", "workdir=work"})
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.MoveMount(fd, "", unix.AT_FDCWD, root, unix.MOVE_MOUNT_F_EMPTY_PATH))
	t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	return root
}

// describe lists what a user of a tree can see: ls -lnR, sha256sum, getfattr.
func describe(t *testing.T, root string) []string {
	t.Helper()
	var lines []string
	inodes := map[uint64]string{}
	must(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if path == root {
			return nil // the upper directory, each mount has its own
		}
		var st unix.Stat_t
		must(t, unix.Lstat(path, &st))
		name, _ := filepath.Rel(root, path)
		line := fmt.Sprintf("%s %o %d:%d mtime=%d.%d", name, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		kind := st.Mode & unix.S_IFMT
		if kind != unix.S_IFDIR {
			line += fmt.Sprintf(" links=%d size=%d rdev=%d", st.Nlink, st.Size, st.Rdev)
		}
		switch kind {
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			must(t, err)
			line += fmt.Sprintf(" %x", sha256.Sum256(data))
			if st.Nlink > 1 {
				if inodes[st.Ino] == "" {
					inodes[st.Ino] = name
				}
				line += " =" + inodes[st.Ino]
			}
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			must(t, err)
			line += " -> " + to
		}
		list, err := grow(func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) })
		must(t, err)
		names := strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00")
		slices.Sort(names)
		for _, n := range names {
			if n != "" {
				line += fmt.Sprintf(" %s=%q", n, attr(t, path, n))
			}
		}
		lines = append(lines, line)
		return nil
	}))
	return lines
}

func same(t *testing.T, what string, a, b []string) {
	t.Helper()
	for _, line := range a {
		if !slices.Contains(b, line) {
			t.Errorf("%s: only when copied: %s", what, line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			t.Errorf("%s: only when redirected: %s", what, line)
		}
	}
}

// A container sees, and can change, the same with references as with copies.
func TestRedirectEqualsCopy(t *testing.T) {
	if !inBase(t) || !redirects(t) {
		return
	}
	layers := storeLayers(t, 3)
	everyKind(t, layers)
	before := describe(t, filepath.Dir(filepath.Dir(layers[0])))
	s := shifter(t.TempDir())
	s.Note = func(text string) { t.Errorf("left out: %s", text) }
	copied := mountShifted(t, s, layers)
	s.Redirect = true
	redirected := mountShifted(t, s, layers)
	was := describe(t, copied)
	if len(was) < 40 {
		t.Errorf("only %d files are seen", len(was))
	}
	same(t, "at first", was, describe(t, redirected))

	for name, change := range map[string]func(root string) error{
		"append":            func(r string) error { return appendTo(r+"/etc/conf", "more") },
		"truncate":          func(r string) error { return os.Truncate(r+"/bin/ping", 5) },
		"truncate to none":  func(r string) error { return os.WriteFile(r+"/dir/x", nil, 0) },
		"grow":              func(r string) error { return os.Truncate(r+"/sparse", 9<<20) },
		"mode":              func(r string) error { return os.Chmod(r+"/bin/su", 0o711) },
		"owner":             func(r string) error { return os.Lchown(r+"/mode0", 5, 6) },
		"times":             func(r string) error { return unix.UtimesNano(r+"/empty", []unix.Timespec{{Sec: 1}, {Sec: 2}}) },
		"attribute":         func(r string) error { return unix.Setxattr(r+"/opaque/only", "user.x", []byte("y"), 0) },
		"rename file":       func(r string) error { return os.Rename(r+"/to-dir/now", r+"/to-dir/then") },
		"rename over":       func(r string) error { return os.Rename(r+"/dir2/z", r+"/dir2/y") },
		"link":              func(r string) error { return os.Link(r+"/a/same", r+"/a/link") },
		"link of a link":    func(r string) error { return os.Link(r+"/share/far/away/two", r+"/four") },
		"write a link":      func(r string) error { return appendTo(r+"/share/one", "x") },
		"remove":            func(r string) error { return os.Remove(r + "/three") },
		"remove directory":  func(r string) error { return os.RemoveAll(r + "/home") },
		"mapped for write":  func(r string) error { return mapped(r + "/" + strings.Repeat("n", 255)) },
		"new in directory":  func(r string) error { return os.WriteFile(r+"/etc/gone", []byte("back"), 0o600) },
		"new over whiteout": func(r string) error { return os.Mkdir(r+"/over", 0o700) },
	} {
		a, b := change(copied), change(redirected)
		if a != nil || b != nil {
			t.Errorf("%s: copied %v, redirected %v", name, a, b)
		}
	}
	// A directory of a lower layer is renamed by copying it: as with any image.
	for _, root := range []string{copied, redirected} {
		if err := os.Rename(root+"/dir", root+"/dir3"); !errors.Is(err, unix.EXDEV) {
			t.Errorf("%s: rename of a lower directory: %v", root, err)
		}
	}
	now := func(root string) (lines []string) {
		for _, line := range describe(t, root) {
			words := strings.Fields(line) // the changes were made one after the other
			words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "mtime=") })
			lines = append(lines, strings.Join(words, " "))
		}
		return lines
	}
	same(t, "after changes", now(copied), now(redirected))
	same(t, "the store", before, describe(t, filepath.Dir(filepath.Dir(layers[0]))))
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// mapped writes a byte through shared memory.
func mapped(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, 100, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	m[7] = '!'
	return unix.Munmap(m)
}

// No data is copied but that of small files.
func TestRedirectCopiesNoData(t *testing.T) {
	if !inBase(t) || !redirects(t) {
		return
	}
	layers := storeLayers(t, 1)
	must(t, os.WriteFile(layers[0]+"/big", bytes.Repeat([]byte("0123456789abcdef"), 1<<20), 0o644))
	s := shifter(t.TempDir())
	s.Redirect = true
	done, err := s.Shift(context.Background(), layers)
	must(t, err)
	defer done.Lock.Close()
	var st unix.Stat_t
	must(t, unix.Stat(done.Layers[0]+"/big", &st))
	if st.Size != 16<<20 || st.Blocks > 16 {
		t.Errorf("%d bytes in %d blocks", st.Size, st.Blocks)
	}
	if data, err := os.ReadFile(mountShifted(t, s, layers) + "/big"); err != nil || len(data) != 16<<20 || !bytes.HasSuffix(data, []byte("def")) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// An image cannot make a file that shows the data of another one: the class of
// the warning that comes with overlay's metacopy ("Do not use metacopy=on with
// untrusted upper/lower directories").
func TestHostileRedirect(t *testing.T) {
	if !inBase(t) || !redirects(t) {
		return
	}
	layers := storeLayers(t, 3)
	secret := "of another image, " + large
	victim := "/" + strings.Repeat("c", idLength) + "/diff/secret"
	hostile := layers[0]
	tree(t, layers[2], "secret", secret)
	tree(t, layers[1], "plain", large)
	for _, to := range []string{victim, "/../../secret", "secret", "/" + strings.Repeat("b", idLength) + "/diff/../../" + victim, "//" + victim} {
		name := fmt.Sprintf("%x", to)
		name = name[:min(len(name), 200)]
		for _, size := range []int{0, len(secret), 100} {
			file := filepath.Join(hostile, fmt.Sprint(name, size))
			must(t, os.WriteFile(file, bytes.Repeat([]byte("x"), size), 0o644))
			must(t, unix.Setxattr(file, redirectXattr, []byte(to), 0))
			must(t, unix.Setxattr(file, metacopyXattr, nil, 0))
		}
		dir := filepath.Join(hostile, "dir"+name)
		must(t, os.Mkdir(dir, 0o755))
		must(t, unix.Setxattr(dir, redirectXattr, []byte(to[:strings.LastIndexByte(to, '/')+1]+"."), 0))
	}
	// A path that looks like a reference's is the image's own business.
	tree(t, layers[1], strings.Repeat("a", idLength)+"/diff/own", large)
	tree(t, hostile, "own", large)
	for _, redirect := range []bool{true, false} {
		s := shifter(t.TempDir())
		s.Redirect = redirect
		root := mountShifted(t, s, layers[:2])
		seen := 0
		must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte("another image")) {
				t.Errorf("redirect %v: %s shows another image's file", redirect, path)
			}
			if err == nil {
				seen++
			}
			return nil
		}))
		if seen < 16 {
			t.Errorf("redirect %v: only %d files can be read", redirect, seen)
		}
		must(t, filepath.WalkDir(filepath.Join(s.Data, shiftedDir), func(path string, _ fs.DirEntry, err error) error {
			must(t, err)
			if to := attr(t, path, redirectXattr); strings.Contains(to, "secret") || strings.Contains(to, "..") {
				t.Errorf("redirect %v: %s refers to %s", redirect, path, to)
			}
			return nil
		}))
		// Nor can a container: overlay writes such names under others.
		file := filepath.Join(root, "plain")
		must(t, unix.Setxattr(file, redirectXattr, []byte(victim), 0))
		_ = unix.Setxattr(file, metacopyXattr, nil, 0)
		if data, err := os.ReadFile(file); err != nil || string(data) != large {
			t.Errorf("redirect %v: a container changed where its data is: %v", redirect, err)
		}
	}
}
