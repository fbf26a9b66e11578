package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// keepID is the map of --userns keep-id for a user who is 1000 inside: base id 0
// (the user) shows as 1000, what is below moves up by one.
func keepID(id uint32) (uint32, bool) {
	switch {
	case id < 1000:
		return id + 1, true
	case id == 1000:
		return 0, true
	}
	return id, id < 60000
}

func shifter(data string) *Shifter {
	return &Shifter{Data: data, UID: keepID, GID: keepID, Key: "keep-id 1000"}
}

// layerDir makes the directory of a layer as the store has it.
func layerDir(t *testing.T, digit string) string {
	dir := filepath.Join(t.TempDir(), strings.Repeat(digit, idLength), "diff")
	must(t, os.MkdirAll(dir, 0o755))
	return dir
}

func attr(t *testing.T, path, name string) string {
	t.Helper()
	buf := make([]byte, 1000)
	n, err := unix.Lgetxattr(path, name, buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}

var fileCaps = string(binary.LittleEndian.AppendUint32(nil, 0x02000001)) + "\x00\x04" + strings.Repeat("\x00", 14)

func acl(entries ...[3]uint32) string {
	value := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		value = binary.LittleEndian.AppendUint16(value, uint16(e[0]))
		value = binary.LittleEndian.AppendUint16(value, uint16(e[1]))
		value = binary.LittleEndian.AppendUint32(value, e[2])
	}
	return string(value)
}

func TestShift(t *testing.T) {
	if !inBase(t) {
		return
	}
	layer := layerDir(t, "a")
	tree(t, layer, "bin/su", "su", "bin/ping", "ping", "home/u/f", "mine", "home/u/l", "-> ../../bin/su", "etc/acl", "x", "opaque/x", "x", "dir/", "")
	in := func(name string) string { return filepath.Join(layer, name) }
	must(t, os.Link(in("bin/su"), in("home/u/su")))
	must(t, os.Link(in("bin/su"), in("su2")))
	must(t, unix.Mknod(in("gone"), unix.S_IFCHR, 0))
	must(t, unix.Mkfifo(in("fifo"), 0o620))
	must(t, os.WriteFile(in("sparse"), []byte("begin"), 0o644))
	must(t, os.Truncate(in("sparse"), 64<<20))
	must(t, os.WriteFile(in("big"), bytes.Repeat([]byte("0123456789abcdef"), 1<<16), 0o644))
	for name, id := range map[string]int{"home/u": 1000, "home/u/f": 1000, "home/u/l": 1000, "bin/ping": 7, "fifo": 2000} {
		must(t, os.Lchown(in(name), id, id+1))
	}
	for name, mode := range map[string]uint32{"bin/su": 0o4755, "bin/ping": 0o2755, "home/u": 0o1700, "dir": 0, "etc/acl": 0o664} {
		must(t, unix.Chmod(in(name), mode))
	}
	must(t, unix.Setxattr(in("opaque"), "user.overlay.opaque", []byte("y"), 0))
	must(t, unix.Setxattr(in("bin/ping"), "security.capability", []byte(fileCaps), 0))
	const undefined = 0xffffffff
	list := func(user, group uint32) string {
		return acl([3]uint32{1, 6, undefined}, [3]uint32{2, 4, user}, [3]uint32{4, 4, undefined}, [3]uint32{8, 6, group}, [3]uint32{16, 6, undefined}, [3]uint32{32, 4, undefined})
	}
	withACL := unix.Setxattr(in("etc/acl"), "system.posix_acl_access", []byte(list(1000, 5)), 0) == nil
	past := []unix.Timespec{{Sec: 1000000000, Nsec: 5}, {Sec: 1100000000, Nsec: 123456789}}
	for _, name := range []string{"bin/su", "home/u/l", "home", "fifo", "gone", "."} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, in(name), past, unix.AT_SYMLINK_NOFOLLOW))
	}

	data := t.TempDir()
	s := shifter(data)
	var last ShiftProgress
	s.Progress = func(p ShiftProgress) { last = p }
	s.Note = func(text string) { t.Errorf("left out: %s", text) }
	done, err := s.Shift(context.Background(), []string{layer, layer})
	must(t, err)
	if len(done.Layers) != 2 || done.Layers[0] != done.Layers[1] {
		t.Fatalf("%q", done.Layers)
	}
	out := func(name string) string { return filepath.Join(done.Layers[0], name) }
	must(t, filepath.Walk(layer, func(path string, info os.FileInfo, err error) error {
		must(t, err)
		name, _ := filepath.Rel(layer, path)
		var was, is unix.Stat_t
		must(t, unix.Lstat(path, &was))
		if err := unix.Lstat(out(name), &is); err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		uid, _ := keepID(was.Uid)
		gid, _ := keepID(was.Gid)
		if is.Uid != uid || is.Gid != gid || is.Mode != was.Mode || is.Rdev != was.Rdev || is.Nlink != was.Nlink || is.Size != was.Size && !info.IsDir() {
			t.Errorf("%s: %d:%d %o %d links, was %d:%d %o %d links", name, is.Uid, is.Gid, is.Mode, is.Nlink, was.Uid, was.Gid, was.Mode, was.Nlink)
		}
		if is.Mtim != was.Mtim {
			t.Errorf("%s: time %v, was %v", name, is.Mtim, was.Mtim)
		}
		if is.Blocks > was.Blocks+64 {
			t.Errorf("%s: %d blocks, was %d", name, is.Blocks, was.Blocks)
		}
		if info.Mode().IsRegular() {
			a, err := os.ReadFile(path)
			must(t, err)
			b, err := os.ReadFile(out(name))
			must(t, err)
			if !bytes.Equal(a, b) {
				t.Errorf("%s: other contents", name)
			}
		}
		return nil
	}))
	if target, err := os.Readlink(out("home/u/l")); target != "../../bin/su" || err != nil {
		t.Errorf("%q, %v", target, err)
	}
	if got := attr(t, out("opaque"), "user.overlay.opaque"); got != "y" {
		t.Errorf("opaque: %q", got)
	}
	if got := attr(t, out("bin/ping"), "security.capability"); got != fileCaps {
		t.Errorf("capabilities: %q", got)
	}
	if got := attr(t, out("etc/acl"), "system.posix_acl_access"); withACL && got != list(0, 6) {
		t.Errorf("access list: %q", got)
	}
	if last.Tree != 1 || last.Trees != 2 || last.Files < 15 || last.Bytes < 65<<20 {
		t.Errorf("progress: %+v", last)
	}

	// The second time it is there already, for this map and no other.
	var before, after unix.Stat_t
	must(t, unix.Stat(done.Layers[0], &before))
	again, err := shifter(data).Shift(context.Background(), []string{layer})
	must(t, err)
	must(t, unix.Stat(again.Layers[0], &after))
	if before.Ino != after.Ino {
		t.Error("copied again")
	}
	other := shifter(data)
	other.Key = "another map"
	third, err := other.Shift(context.Background(), []string{layer})
	must(t, err)
	if third.Layers[0] == done.Layers[0] {
		t.Error("one copy for two maps")
	}

	// What is in use stays, then what somebody keeps.
	none := func(string) bool { return false }
	must(t, third.Lock.Close())
	must(t, PruneShifted(context.Background(), data, func(id string) bool { return id == strings.Repeat("a", idLength) }))
	for _, kept := range []string{out("bin/su"), third.Layers[0]} {
		if _, err := os.Lstat(kept); err != nil {
			t.Error(err)
		}
	}
	must(t, PruneShifted(context.Background(), data, none))
	gone(t, third.Layers[0]) // of that map it was the last
	if _, err := os.Lstat(out("bin/su")); err != nil {
		t.Errorf("pruned what is in use: %v", err)
	}
	for _, x := range []*Shifted{done, again} {
		must(t, x.Lock.Close())
	}
	must(t, PruneShifted(context.Background(), data, none))
	gone(t, done.Layers[0])
}

func TestShiftUnmapped(t *testing.T) {
	if !inBase(t) {
		return
	}
	layer := layerDir(t, "b")
	tree(t, layer, "a/f", "x", "a/g", "x", "h", "x")
	must(t, os.Chown(filepath.Join(layer, "a/g"), 0, 61000))
	s := shifter(t.TempDir())
	_, err := s.Shift(context.Background(), []string{layer})
	if !errors.Is(err, ErrNotMapped) || !strings.Contains(err.Error(), "a/g") || !strings.Contains(err.Error(), "61000") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	must(t, os.Chown(filepath.Join(layer, "a/g"), 0, 0))
	if _, err := s.Shift(ctx, []string{layer}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := s.Shift(context.Background(), []string{layer + "/none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if left, err := readDir(filepath.Join(s.Data, shiftedDir)); len(left) != 1 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Several processes want the same copy, and one was killed in the middle before.
func TestShiftAtOnce(t *testing.T) {
	if !inBase(t) {
		return
	}
	layer := layerDir(t, "c")
	for i := range 300 {
		tree(t, layer, fmt.Sprintf("d%d/e/f", i), "x")
	}
	s := shifter(t.TempDir())
	made := filepath.Join(s.Data, shiftedDir, s.name([]string{layer}))
	tree(t, filepath.Join(filepath.Dir(made), newPrefix+filepath.Base(made)), "d0/e/f", "half", "d0/old", "x")
	copies := make([]*Shifted, 6)
	var all sync.WaitGroup
	for i := range copies {
		all.Go(func() {
			var err error
			if copies[i], err = shifter(s.Data).Shift(context.Background(), []string{layer}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 300 {
		if _, err := os.Stat(filepath.Join(made, fmt.Sprintf("d%d/e/f", i))); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(made, "d0/e/f")); string(data) != "x" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	gone(t, filepath.Join(made, "d0/old"))
	if left, err := readDir(filepath.Dir(made)); len(left) != 2 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Overlay over shifted layers shows the container what the map promises.
func TestShiftBeneathOverlay(t *testing.T) {
	if !inBase(t) {
		return
	}
	dirs := stack(t, t.TempDir(), "d/! d/new=1 !gone", "d/old=2 gone=2 kept=2")
	done, err := shifter(t.TempDir()).Shift(context.Background(), dirs)
	must(t, err)
	defer done.Lock.Close()
	mnt := t.TempDir()
	must(t, unix.Mount("overlay", mnt, "overlay", 0, "userxattr,lowerdir="+strings.Join(done.Layers, ":")))
	defer unix.Unmount(mnt, unix.MNT_DETACH)
	for name, there := range map[string]bool{"d/new": true, "d/old": false, "gone": false, "kept": true} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(mnt, name), &st); (err == nil) != there || there && st.Uid != 1 {
			t.Errorf("%s: %v, owner %d", name, err, st.Uid)
		}
	}
}

func TestShiftXattrRules(t *testing.T) {
	c := &copier{keepMarks: true, shifter: &Shifter{UID: keepID, GID: keepID}, notes: map[string]bool{}}
	revision3 := "\x01\x00\x00\x03" + strings.Repeat("\x00", 16)
	for _, test := range []struct {
		rule      func(*copier, string, []byte) ([]byte, bool)
		in, out   string
		ok        bool
		rationale string
	}{
		{shiftCapability, fileCaps, fileCaps, true, "for root of the base namespace"},
		{shiftCapability, revision3 + "\x05\x00\x00\x00", revision3 + "\x06\x00\x00\x00", true, "for another root"},
		{shiftCapability, revision3 + "\xff\xff\xff\x00", "", false, "for a root nobody is"},
		{shiftCapability, revision3, "", false, "too short"},
		{shiftCapability, "\x01\x00\x00\x01" + strings.Repeat("\x00", 8), "", false, "revision 1"},
		{shiftCapability, "", "", false, "empty"},
		{shiftACL, acl([3]uint32{2, 4, 9}, [3]uint32{8, 4, 1000}, [3]uint32{16, 7, 9}), acl([3]uint32{2, 4, 10}, [3]uint32{8, 4, 0}, [3]uint32{16, 7, 9}), true, "users and groups only"},
		{shiftACL, acl([3]uint32{2, 4, 70000}), "", false, "not mapped"},
		{shiftACL, acl() + "x", "", false, "not whole entries"},
		{shiftACL, "\x03\x00\x00\x00", "", false, "another version"},
		{shiftACL, "", "", false, "empty"},
	} {
		got, ok := test.rule(c, "", []byte(test.in))
		if ok != test.ok || ok && string(got) != test.out {
			t.Errorf("%s: %q, %v", test.rationale, got, ok)
		}
	}
}

func FuzzShiftXattr(f *testing.F) {
	f.Add([]byte(fileCaps))
	f.Add([]byte(acl([3]uint32{2, 4, 9})))
	f.Fuzz(func(t *testing.T, value []byte) {
		c := &copier{shifter: &Shifter{UID: keepID, GID: keepID}}
		before := bytes.Clone(value)
		for _, rule := range xattrRules {
			if got, ok := rule.apply(c, rule.prefix, value); ok && len(got) != len(value) {
				t.Errorf("%q becomes %q", value, got)
			}
		}
		if !bytes.Equal(before, value) {
			t.Error("the value it was given was changed")
		}
	})
}

func TestCopyRange(t *testing.T) {
	dir := t.TempDir()
	text := bytes.Repeat([]byte("0123456789"), 60000)
	must(t, os.WriteFile(dir+"/in", text, 0o600))
	in, err := os.Open(dir + "/in")
	must(t, err)
	defer in.Close()
	for name, method := range map[string]func(in, out int, at, size int64) error{"copyRange": copyRange, "copyBytes": copyBytes} {
		out, err := os.Create(dir + "/" + name)
		must(t, err)
		defer out.Close()
		must(t, method(int(in.Fd()), int(out.Fd()), 5, 500000))
		got, err := os.ReadFile(out.Name())
		must(t, err)
		if len(got) != 500005 || !bytes.Equal(got[5:], text[5:500005]) {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		if err := method(int(in.Fd()), int(out.Fd()), 0, 1<<20); err == nil {
			t.Errorf("%s: a file that became shorter is no error", name)
		}
	}
}
