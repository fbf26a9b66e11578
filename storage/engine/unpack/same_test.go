package unpack

import (
	"archive/tar"
	"bytes"
	"os"
	"slices"
	"testing"

	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"
)

// everything is an archive with all that a layer can hold.
func everything() []member {
	capable := "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	return []member{
		dir("./").mode(0o751).owner(3, 4),
		dir("usr"), dir("usr/bin"), reg("usr/bin/a", "content of a"),
		reg("usr/bin/setuid", "x").mode(0o4755), reg("usr/bin/setgid", "x").mode(0o2711).owner(0, 8),
		link("usr/bin/b", "usr/bin/a"), link("usr/bin/c", "./usr/bin/b"),
		reg("usr/bin/ping", "caps").owner(7, 0).pax("SCHILY.xattr.security.capability", capable, "SCHILY.xattr.user.k", "v\x00w"),
		sym("bin", "usr/bin"), sym("etc/absolute", "/etc/passwd").owner(5, 6), sym("dangling", "../../../x"),
		link("hard-to-link", "bin"),
		reg("implicit/deep/er/file", "f").owner(1000, 1000),
		dir("tmp").mode(0o1777), dir("sgid").mode(0o2775).owner(0, 50), reg("sgid/in", "x"), dir("sgid/sub"), sym("sgid/l", "in"),
		reg("world", "x").mode(0o666), reg("none", "x").mode(0), dir("private").mode(0o700).owner(33, 33), reg("private/x", "y"),
		reg("empty", ""), reg("big", string(bytes.Repeat([]byte("0123456789abcdef"), 40_000))),
		reg("holes", string(make([]byte, 700_000))), reg("mixed", string(make([]byte, 300_000))+"end"),
		member{Header: tar.Header{Typeflag: tar.TypeFifo, Name: "fifo", Mode: 0o620, ModTime: when, Uid: 9}},
		member{Header: tar.Header{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666, Devmajor: 1, Devminor: 3, ModTime: when}},
		reg("usr/.wh.gone", "").owner(2, 2), reg("opq/x/y", "1"), reg("opq/.wh..wh..opq", ""), reg("deep/new/.wh.z", ""),
		dir("late"), reg("late/1", "1"), reg("bin/through-link", "t"),
		reg("ü-näme", "utf"), reg("bad-\xff\xfe", "latin"), reg("space name ", "s"),
		reg("old", "x").mode(0o644), dir("has-x").pax("SCHILY.xattr.user.d", "1"),
		reg("a/../b-file", "dots"), reg("/absolute", "a"), reg("././dotted", "d"),
	}
}

// TestSameAsLibrary unpacks one archive with containers/storage and here.
func TestSameAsLibrary(t *testing.T) {
	for _, userns := range []bool{true, false} {
		w := newWorld(t)
		data := stream(t, everything()...)
		if _, err := w.unpack(data, Options{UIDs: everyID(), GIDs: everyID(), UserNS: userns}); err != nil {
			t.Fatal(err)
		}
		theirs := newWorld(t)
		old := unix.Umask(0o022)
		err := archive.Unpack(bytes.NewReader(data), theirs.dest, &archive.TarOptions{WhiteoutFormat: archive.OverlayWhiteoutFormat, InUserNS: userns})
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, w.dest, theirs.dest, userns)
	}
}

// implicit directories get the time of day, and the mark of opaque ones has the
// name of where the library runs.
func compare(t *testing.T, ours, theirs string, userns bool) {
	t.Helper()
	for _, d := range []string{"etc", "implicit", "implicit/deep", "implicit/deep/er", "opq", "opq/x", "deep", "deep/new", "usr/.wh.gone"} {
		for _, root := range []string{ours, theirs} {
			_ = os.Chtimes(root+"/"+d, when, when)
		}
	}
	for _, p := range []string{"usr/gone", "deep/new/z"} {
		for _, root := range []string{ours, theirs} {
			ts := unix.NsecToTimespec(when.UnixNano())
			if err := unix.UtimesNanoAt(unix.AT_FDCWD, root+"/"+p, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				t.Error(err)
			}
		}
	}
	if userns {
		_ = unix.Removexattr(theirs+"/opq", "trusted.overlay.opaque")
		if err := unix.Setxattr(theirs+"/opq", "user.overlay.opaque", []byte("y"), 0); err != nil {
			t.Fatal(err)
		}
	}
	a, b := state(t, ours), state(t, theirs)
	for _, line := range a {
		if !slices.Contains(b, line) {
			t.Errorf("only ours:   %.300s", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			t.Errorf("only theirs: %.300s", line)
		}
	}
	if len(a) < 50 {
		t.Errorf("only %d files", len(a))
	}
}
